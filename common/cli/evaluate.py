"""`anynet evaluate`: how good a trained network is."""

import json

import click

from common.backends import load_backend
from common.cli.evaluations import print_evaluation
from common.cli.networks import checkpoint_path, choose_image_size
from common.cli.options import backend_option, data_option, device_option
from common.data import FashionMNIST
from common.training import Device
from common.training import evaluate as run_evaluation


@click.command()
@click.argument("checkpoint", metavar="CHECKPOINT|RUN")
@backend_option("torch")
@data_option("full")
@click.option("--batch-size", type=click.IntRange(1), default=128, show_default=True)
@click.option(
    "--image-size",
    type=click.IntRange(1),
    help="Side to which images are resized; default: that of an mlp, else 96.",
)
@device_option("auto")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def evaluate(
    checkpoint: str,
    backend: str,
    data: str,
    batch_size: int,
    image_size: int | None,
    device: Device,
    as_json: bool,
) -> None:
    """Measure a trained network on the validation images of Fashion-MNIST.

    CHECKPOINT is a model.safetensors, written by any backend, or the directory of a run.
    """
    module = load_backend(backend)
    network = module.load(checkpoint_path(checkpoint))
    images = FashionMNIST(batch_size, choose_image_size(network.spec, image_size), data)
    learner = module.Learner(network, images.image_shape, device=device)
    evaluation = run_evaluation(learner, images.val_batches())
    if as_json:
        click.echo(json.dumps(evaluation.to_dict(images.classes), indent=2))
    else:
        print_evaluation(evaluation, images.classes)
