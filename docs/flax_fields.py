"""Makes the API reference show Flax modules as dataclasses, whose fields are arguments."""

from typing import Any

from griffe import Class, Decorator, ExprName, Extension

_MODULES = {"nn.Module", "Classifier", "AnyNet"}


class FlaxFields(Extension):
    """Marks Flax modules and their subclasses as dataclasses."""

    def on_class_instance(self, *, cls: Class, **_: Any) -> None:
        """Add the decorator that Flax applies to every module."""
        if cls.filepath.parent.name == "anynet_jax" and _MODULES & set(map(str, cls.bases)):
            decorator = ExprName("dataclasses.dataclass")
            cls.decorators.append(Decorator(decorator, lineno=None, endlineno=None))
