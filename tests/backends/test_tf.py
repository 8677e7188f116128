"""What TensorFlow users expect of a Keras model and of a layer."""

from functools import partial

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")

import anynet_tf as anynet  # noqa: E402
from anynet_tf import convolution, layers  # noqa: E402
from common import AnyNetSpec  # noqa: E402

# Keras copies arrays in a way that NumPy 2 warns of when a model is saved.
pytestmark = pytest.mark.filterwarnings("ignore:.*copy keyword:DeprecationWarning")

_SPEC = AnyNetSpec.from_arch(((1, 8, 4, 1), (1, 16, 4, 2)), 8, se_ratio=0.25)
_X = np.random.default_rng(0).random((2, 16, 16, 1), np.float32)


@pytest.fixture(scope="module")
def model():
    return anynet.create(_SPEC, seed=3)


def test_a_model_survives_saving_and_loading(model, tmp_path):
    model.save(tmp_path / "net.keras")
    loaded = keras.models.load_model(tmp_path / "net.keras")
    assert loaded.spec == _SPEC
    np.testing.assert_allclose(loaded(_X), model(_X), atol=1e-6)


def test_a_config_keeps_the_initialisation():
    model = anynet.create(_SPEC, init="he_zero_gamma")
    copy = anynet.AnyNet.from_config(model.get_config())
    for array, expected in zip(copy.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(array, expected)


def test_regnetx32_survives_saving_and_loading(tmp_path):
    model = anynet.RegNetX32(lr=0.02, seed=1)
    model.save(tmp_path / "net.keras")
    loaded = keras.models.load_model(tmp_path / "net.keras")
    assert (type(loaded), loaded.lr) == (anynet.RegNetX32, 0.02)
    np.testing.assert_allclose(loaded(_X), model(_X), atol=1e-6)


def test_a_saved_model_gives_the_same_logits(model, tmp_path):
    signature = [keras.InputSpec(shape=(None, None, None, 1), dtype="float32")]
    model.export(tmp_path / "exported", input_signature=signature, verbose=False)
    restored = tf.saved_model.load(str(tmp_path / "exported"))
    np.testing.assert_allclose(restored.serve(_X), model(_X), atol=1e-6)


@pytest.mark.parametrize("training", [False, True])
def test_a_model_works_inside_a_tf_function(training):
    eager, traced = (anynet.create(_SPEC) for _ in range(2))
    function = tf.function(lambda x: traced(x, training=training))
    np.testing.assert_allclose(function(_X), eager(_X, training=training), atol=1e-5)


def test_variable_paths_end_in_canonical_names(model):
    paths = {variable.path.split("net/")[-1] for variable in model.net.weights}
    assert {"stem/conv/kernel", "stage2/block1/se/fc1/bias", "head/fc/kernel"} <= paths


@pytest.mark.parametrize(
    ("strides", "groups", "kernel"),
    [(1, 2, 3), (2, 4, 3), (2, 2, 1), (1, 8, 3), (2, 1, 3), (1, 1, 1), (1, 16, 3), (2, 16, 3),
     (1, 16, 1)],
)  # fmt: skip
@pytest.mark.parametrize("side", [8, 9])
@pytest.mark.parametrize("choice", [False, None, True])
def test_every_grouped_convolution_is_a_dense_one_of_blocks(choice, strides, groups, kernel, side):
    if choice and groups > 1 and not convolution._has_gradients_on_cpu(tf.float32):
        pytest.skip("TensorFlow has no gradients of grouped convolutions on this CPU")
    x = tf.random.stateless_normal((2, side, side, 16), (0, 1))
    layer = anynet.GroupedConv2D(16, kernel, strides, groups, native=choice)
    layer.build(x.shape)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        results = [tf.reduce_sum(y**2) for y in (layer(x), _dense(layer, x))]
    np.testing.assert_allclose(*results, rtol=1e-5)
    gradients = [tape.gradient(result, [x, layer.kernel.value]) for result in results]
    np.testing.assert_allclose(gradients[0][0], gradients[1][0], atol=1e-3)
    np.testing.assert_allclose(gradients[0][1], gradients[1][1], atol=1e-3, rtol=1e-4)


def _dense(layer, x):
    """The convolution without groups whose kernel has the groups' kernels as its blocks."""
    width, around = 16 // layer.groups, layer.kernel_size[0] // 2
    blocks = [
        tf.pad(block, [[0, 0], [0, 0], [index * width, 16 - (index + 1) * width], [0, 0]])
        for index, block in enumerate(tf.split(layer.kernel.value, layer.groups, axis=-1))
    ]
    x = tf.pad(x, [[0, 0], [around] * 2, [around] * 2, [0, 0]])
    return tf.nn.conv2d(x, tf.concat(blocks, -1), layer.strides, "VALID") + layer.bias.value


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_grouped_convolutions_are_trained_where_the_native_one_cannot_be(monkeypatch, dtype):
    # Without oneDNN, TensorFlow has the gradients in no precision; with it, not in float64.
    monkeypatch.setattr(convolution, "_has_gradients_on_cpu", lambda dtype: False)
    x = tf.random.stateless_normal((2, 8, 8, 8), (0, 1), dtype=dtype)
    layer = anynet.GroupedConv2D(8, 3, groups=2, dtype=dtype)
    with tf.GradientTape() as tape:
        tape.watch(x)
        result = tf.reduce_sum(layer(x) ** 2)
    assert all(gradient is not None for gradient in tape.gradient(result, [x, *layer.weights]))


@pytest.mark.perf
def test_a_step_is_traced_once_for_all_learning_rates(model):
    learner = anynet.Learner(model, (1, 16, 16))
    images, labels = np.zeros((4, 1, 16, 16), np.uint8), np.zeros(4, np.int32)
    for rate in (0.1, 0.2, 0.3):
        learner.train_step(images, labels, rate)
    assert learner._compiled_step.experimental_get_tracing_count() == 1


def test_the_kernel_must_be_odd():
    with pytest.raises(ValueError, match="kernel_size: must be odd"):
        anynet.GroupedConv2D(8, 2)


_MLP = AnyNetSpec.from_arch(((2, 8),), 8, block="mlp", image_size=16)


@pytest.mark.parametrize("spec", [_SPEC, _MLP], ids=["resnext", "mlp"])
def test_a_second_derivative_in_training_is_the_change_of_the_gradient(spec):
    model = anynet.Learner(anynet.create(spec), (1, 16, 16), precision="float64").network
    variables, labels = model.trainable_variables, np.arange(2)
    before = [variable.numpy() for variable in variables]
    stream = np.random.default_rng(1)
    direction = [stream.standard_normal(array.shape).astype(array.dtype) for array in before]

    def gradient():
        with tf.GradientTape() as tape:
            loss = model.loss(model(_X, training=True), labels)
        return tape.gradient(loss, variables)

    def gradient_at(step):
        for variable, array, part in zip(variables, before, direction, strict=True):
            variable.assign(array + step * part)
        return np.concatenate([np.ravel(array) for array in gradient()])

    with tf.GradientTape() as tape:
        product = tf.add_n(
            [tf.reduce_sum(g * v) for g, v in zip(gradient(), direction, strict=True)]
        )
    parts = tape.gradient(product, variables, unconnected_gradients="zero")
    found = np.concatenate([np.ravel(tf.convert_to_tensor(part)) for part in parts])
    near, far = (gradient_at(k * 1e-6) - gradient_at(-k * 1e-6) for k in (1, 2))
    expected = (8 * near - far) / 12e-6
    assert np.abs(found - expected).max() < 1e-8 * np.abs(expected).max()


@pytest.mark.parametrize("training", [False, True])
def test_a_frozen_batch_norm_keeps_nan_before_a_relu(training):
    layer = layers.BatchNorm()
    layer.build((None, 4, 4, 8))
    layer.trainable = False
    layer.moving_variance.assign(-np.ones(8))
    images = np.random.default_rng(0).random((2, 4, 4, 8), np.float32)
    outputs = tf.function(lambda x: tf.nn.relu(layer(x, training=training)))(images)
    assert np.isnan(outputs).all()


def test_there_is_no_apply_init_as_in_the_chapters_tab():
    assert not hasattr(anynet.Classifier, "apply_init")


@pytest.mark.parametrize(
    ("training", "frozen", "activation", "expected"),
    [(True, False, None, False), (False, False, None, True), (True, True, None, True),
     (True, False, "softplus", True)],
)  # fmt: skip
def test_a_bias_has_no_gradient_where_a_batch_norm_cancels_it(
    training, frozen, activation, expected
):
    block = anynet.VanillaBlock(8, conv=partial(convolution.conv, activation=activation))
    block.build((None, 16, 16, 1))
    for norm in (block.bn1, block.bn2):
        norm.trainable = not frozen
    biases = [block.conv1.bias, block.conv2.bias]
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(block(tf.constant(_X), training=training) ** 3)
    found = tape.gradient(loss, [bias.value for bias in biases])
    assert {bool(np.abs(gradient).max() > 1e-7) for gradient in found} == {expected}
    if not expected:
        assert not np.any(found)
