"""`anynet study create`, `run` and `work`."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from common.cli.numbers import STEPS, WORKERS
from common.cli.options import chosen_recipe
from common.cli.study.options import (
    grace_option,
    name_argument,
    new_study_options,
    storage_option,
    worker_options,
)
from common.cli.study.progress import Progress
from common.errors import ConfigError, StudyError
from common.files import read_json
from common.spaces import Limits, find_space
from common.studies import Study, StudyConfig, run_workers
from common.studies import work as train_networks
from common.studies.cluster import run_on_ray
from common.studies.interrupts import sigterm_interrupts
from common.studies.launch import limit_threads
from common.training import TrainConfig


@click.command()
@name_argument()
@storage_option()
@new_study_options
def create(name: str, storage: str, **options: Any) -> None:
    """Draw the networks of a new study; workers train them later."""
    study = Study.create(name, storage, _config(options))
    total = study.config.networks * len(study.config.spaces)
    click.echo(f"{total:,} networks wait in {storage}")
    click.echo(f"train them: anynet study work {name} --storage {storage}")


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
    """Create a study, unless it is there, and train its networks with workers on this machine.

    With --ray, the workers are placed on a Ray cluster. Called again after an interrupt, it goes
    on where it stopped; the study then keeps the settings that it was made with.
    """
    if options["spaces"] or options["config"]:
        study = _created_or_same(name, storage, _config(options))
    else:
        study = Study.open(name, storage)
    with sigterm_interrupts(), Progress(study) as progress:
        try:
            if ray is not None:
                address = None if ray == "local" else ray
                run_on_ray(study, address, workers, threads or 1, gpus, grace, progress.update)
            else:
                run_workers(study, workers, threads, int(gpus), grace, progress.update)
        except KeyboardInterrupt:
            click.echo(f"go on with: anynet study run {name} --storage {storage}", err=True)
            raise
    click.echo(f"look at it: anynet study report {name} --storage {storage}")


@click.command()
@name_argument()
@storage_option()
@click.option("--threads", type=WORKERS, help="Threads to use; default: all cores.")
@click.option("--most", type=STEPS, help="Stop after this many networks.")
@grace_option()
def work(name: str, storage: str, threads: int | None, most: int | None, grace: float) -> None:
    """Train networks of a study until all are done.

    Any number of workers may do so, on any machines that reach the storage. On SLURM:

    \b
    sbatch --array=1-16 --cpus-per-task=4 --gres=gpu:1 --wrap
      "anynet study work first --storage postgresql://user@host/studies --threads 4"
    """
    if threads is not None:
        limit_threads(threads)
    try:
        done = train_networks(Study.open(name, storage), click.echo, most, grace)
    except KeyboardInterrupt:
        click.echo(
            f"the current network was given back; "
            f"go on with: anynet study work {name} --storage {storage}",
            err=True,
        )
        raise
    click.echo(f"this worker trained {done} networks")


def _created_or_same(name: str, storage: str, config: StudyConfig) -> Study:
    """A new study, or the one that is there when it is the same but for its size."""
    try:
        return Study.create(name, storage, config)
    except StudyError as error:
        if "must be free" not in str(error):
            raise
    study = Study.open(name, storage)
    if replace(study.config, networks=config.networks) != config:
        raise ConfigError(
            f"study {name}: one that is there keeps its settings; got others; leave out "
            "everything but --workers and --storage to go on with it, or choose another name"
        )
    return study


def _config(options: dict[str, Any]) -> StudyConfig:
    if options["config"] is not None:
        return _read(options["config"])
    size = options["image_size"]
    if not options["spaces"]:
        raise ConfigError("space: must be given for a new study; got none; add --space NAME")
    ranges = {name: options[name] for name in ("flops", "params", "activations")}
    spaces = [find_space(name) for name in options["spaces"]]
    if any(ranges.values()):
        spaces = [replace(space, limits=Limits(**ranges, image_size=size)) for space in spaces]
    training = TrainConfig(
        backend=options["backend"],
        spec=None,
        data=options["data"],
        epochs=options["epochs"],
        batch_size=options["batch_size"],
        resize=(size, size),
        learning_rate=options["lr"],
        recipe=chosen_recipe(options),
        seed=options["seed"],
        device=options["device"],
        precision=options["precision"],
        precise_bn=options["precise_bn"],
    )
    return StudyConfig(
        tuple(spaces), options["networks"], options["study_seed"], training, options["pruner"]
    )


def _read(path: Path) -> StudyConfig:
    """The config in a study.json. Raises `ConfigError`."""
    values = read_json(path, "a readable study.json", ConfigError)
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: must hold a JSON object; got {type(values).__name__}")
    return StudyConfig.from_dict(values, str(path))
