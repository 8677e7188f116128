"""`anynet study create`, `run` and `work`."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from common.arch import AnyNetSpec
from common.backends import check_installed, load_backend, start_backend
from common.cli.image_options import chosen_images
from common.cli.options import chosen_recipe
from common.cli.study.options import (
    at_once_option,
    grace_option,
    name_argument,
    new_study_options,
    objective_option,
    storage_option,
    suggested,
    worker_options,
)
from common.cli.study.progress import StudyProgress
from common.cli.types import STEPS, WORKERS
from common.data import ImageData, absolute_name, open_data
from common.data.options import USUAL
from common.errors import ConfigError
from common.files import read_json
from common.spaces import SPACES, DesignSpace, find_space
from common.studies import Study, StudyConfig, run_workers
from common.studies import work as train_networks
from common.studies.address import shown
from common.studies.catalog import has_study
from common.studies.cluster import run_on_ray
from common.studies.crew import check_at_once
from common.studies.fit import OWN_DATA, for_the_data
from common.studies.interrupts import signals_interrupt
from common.studies.launch import limit_threads
from common.studies.objective import Objective, check_objective
from common.studies.study import PATIENCE
from common.training import TrainConfig


@click.command()
@name_argument()
@storage_option()
@new_study_options
def create(name: str, storage: str, **options: Any) -> None:
    """Sample the networks of a new study; workers train them later.

    Predefined spaces get the channels and classes of the data; a space in a file must match the
    data, or nothing is created.
    """
    objective = _objective(options["objective"])
    study = Study.create(name, storage, _config(options, objective))
    total = study.config.networks * len(study.config.spaces) * study.config.seeds
    click.echo(f"{total:,} networks queued in {shown(storage)}")
    click.echo(f"train them: {suggested('work', name, storage, *_again(options['objective']))}")


@click.command()
@name_argument()
@storage_option()
@new_study_options
@worker_options
@click.pass_context
def run(
    ctx: click.Context,
    /,
    name: str,
    storage: str,
    workers: int,
    threads: int | None,
    gpus: float,
    grace: float,
    ray: str | None,
    **options: Any,
) -> None:
    """Create a study, unless it exists, and train its networks.

    With --objective, the workers call a function of a Python file instead of training. Unless
    --data is given, it has its own data, and predefined spaces keep their channels and classes.

    The workers run on this machine or, with --ray, on a Ray cluster. After an interrupt, the same
    command continues where it stopped. An existing study keeps the settings that it was created
    with.
    """
    objective = _objective(options["objective"])
    if options["spaces"] or options["config"]:
        config = _config(options, objective)
        check_at_once(config, options["at_once"], ray is not None)
        if ray is None and objective is None and not has_study(name, storage):
            _check_backend(config.training)
        study = _created_or_same(name, storage, config)
    else:
        study = Study.open(name, storage, PATIENCE, _tell)
        check_at_once(study.config, options["at_once"], ray is not None)
    with signals_interrupt(), StudyProgress(study) as progress:
        try:
            if ray is not None:
                address = None if ray == "local" else ray
                run_on_ray(
                    study, address, workers, threads or 1, gpus, grace, progress.update, objective
                )
            else:
                last = grace, progress.update, objective, options["at_once"]
                run_workers(study, workers, threads, int(gpus), *last)
        except KeyboardInterrupt:
            again = suggested("run", name, storage, *_again(options["objective"]))
            click.echo(f"continue with: {again}", err=True)
            raise
    click.echo(f"write a report: {suggested('report', name, storage)}")


@click.command()
@name_argument()
@storage_option()
@click.option("--threads", type=WORKERS, help="Threads to use; default: all cores.")
@click.option("--max", "max_networks", type=STEPS, help="Stop after this many networks.")
@at_once_option()
@grace_option()
@objective_option()
def work(
    name: str,
    storage: str,
    threads: int | None,
    max_networks: int | None,
    at_once: int,
    grace: float,
    objective: str | None,
) -> None:
    """Train networks of a study until all are done.

    Start any number of workers, on any machines that can reach the storage. On SLURM:

    \b
    sbatch --array=1-16 --cpus-per-task=4 --gres=gpu:1 --wrap
      "anynet study work first --storage postgresql://user@host/studies --threads 4"
    """
    if threads is not None:
        limit_threads(threads)
    function = _objective(objective)
    try:
        study = Study.open(name, storage, PATIENCE, _tell)
        study.config.check_trains(f"study {name}")
        check_objective(name, study.config.objective, function)
        if function is None:
            start_backend(study.config.training.backend, flops=0)
        done = train_networks(study, click.echo, max_networks, grace, function, at_once)
    except KeyboardInterrupt:
        click.echo(
            "the current network was returned to the queue; continue with: "
            f"{suggested('work', name, storage, *_again(objective))}",
            err=True,
        )
        raise
    click.echo(f"this worker trained {done} networks")


def _objective(text: str | None) -> Objective | None:
    return None if text is None else Objective.load(text)


def _again(objective: str | None) -> tuple[str, ...]:
    """The option --objective for a suggested command."""
    return () if objective is None else ("--objective", objective)


def _tell(line: str) -> None:
    click.echo(line, err=True)


def _check_backend(training: TrainConfig) -> None:
    """Raise `BackendError` if workers on this machine could not train at all.

    The framework is imported only for a device or precision that may be unsupported.
    """
    check_installed(training.backend)
    if training.device != "gpu" and training.precision == "float32":
        return
    backend = load_backend(training.backend)
    spec = AnyNetSpec.from_arch(((1, 8),), 8)
    backend.Learner(
        backend.create(spec), (1, *training.resize), training.recipe, training.device,
        training.precision,
    )  # fmt: skip


def _created_or_same(name: str, storage: str, config: StudyConfig) -> Study:
    """A new study, or the existing one if its config is the same but for its size."""
    if not has_study(name, storage):
        return Study.create(name, storage, config)
    study = Study.open(name, storage)
    # Whether it has the same objective, `run_workers` checks.
    if replace(study.config, networks=config.networks, objective=config.objective) != config:
        raise ConfigError(
            f"study {name}: an existing study keeps its settings; got different ones; pass only "
            "--workers and --storage to continue it, or choose another name"
        )
    return study


def _config(options: dict[str, Any], objective: Objective | None) -> StudyConfig:
    if options["config"] is not None:
        config = read_settings(options["config"])
        check_objective(str(options["config"]), config.objective, objective)
        return config
    size = options["image_size"]
    if not options["spaces"]:
        raise ConfigError("space: must be given for a new study; got none; add --space NAME")
    ranges = {name: options[name] for name in ("flops", "params", "activations")}
    given = {name: limit for name, limit in ranges.items() if limit is not None}
    data = None
    if objective is None or _is_given("data"):
        data = open_data(
            options["data"], options["batch_size"], (size, size), chosen_images(options),
            int(options["channels"]),
        )  # fmt: skip
    spaces = [_limited(_space(name, data), given, size) for name in options["spaces"]]
    training = TrainConfig(
        backend=options["backend"],
        spec=None,
        data=OWN_DATA if data is None else absolute_name(options["data"]),
        epochs=options["epochs"],
        batch_size=options["batch_size"],
        resize=(size, size),
        learning_rate=options["lr"],
        recipe=chosen_recipe(options),
        seed=options["seed"],
        device=options["device"],
        precision=options["precision"],
        precise_bn=_precise_bn(options),
        data_options=getattr(data, "options", USUAL),
    )
    return StudyConfig(
        tuple(spaces),
        options["networks"],
        options["study_seed"],
        training,
        options["pruner"],
        options["init"] or ("he" if options["recipe"] == _PYCLS else "xavier"),
        options["error_of"],
        None if objective is None else objective.name,
        options["seeds"],
    )


_PYCLS = "pycls-population"
_PYCLS_PRECISE_BN = 8192


def _precise_bn(options: dict[str, Any]) -> int:
    """The images of precise batch norm; the recipe of pycls brings its own number."""
    if options["recipe"] == _PYCLS and not _is_given("precise_bn"):
        return _PYCLS_PRECISE_BN
    return int(options["precise_bn"])


def _is_given(option: str) -> bool:
    """Whether an option is on the command line."""
    source = click.get_current_context().get_parameter_source(option)
    return source is ParameterSource.COMMANDLINE


def _space(name: str, data: ImageData | None) -> DesignSpace:
    """The space of --space; a predefined one gets the channels and classes of the data, if any."""
    space = find_space(name)
    return for_the_data(space, data) if data is not None and space in SPACES.values() else space


def _limited(space: DesignSpace, given: dict[str, tuple[float, float]], size: int) -> DesignSpace:
    """The space with the `given` limits added to its own, all counted at one image size."""
    if not given:
        return space
    own = space.limits
    kept: dict[str, Any] = dict.fromkeys(given)
    counted = replace(own, **kept).depends_on_size
    limits = replace(own, **given, image_size=own.image_size if counted else size)  # type: ignore[arg-type]
    return replace(space, limits=limits)


def read_settings(path: Path) -> StudyConfig:
    """The config in a study.json. Raises `ConfigError`."""
    values = read_json(path, "a readable study.json", ConfigError)
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: must hold a JSON object; got {type(values).__name__}")
    return StudyConfig.from_dict(values, str(path))
