"""`anynet evaluate`: how good a trained network is."""

import json

import click

from common.arch import AnyNetSpec
from common.backends import load_backend
from common.cli.evaluations import print_evaluation
from common.cli.networks import checkpoint_path, choose_image_size
from common.cli.options import backend_option, data_option, device_option, precise_bn_option
from common.data import FashionMNIST
from common.training import Device, Learner
from common.training.statistics import validation


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
@precise_bn_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def evaluate(
    checkpoint: str,
    backend: str,
    data: str,
    batch_size: int,
    image_size: int | None,
    device: Device,
    precise_bn: int,
    as_json: bool,
) -> None:
    """Measure a trained network on the validation images of Fashion-MNIST.

    CHECKPOINT is a model.safetensors, written by any backend, or the directory of a run.
    """
    module = load_backend(backend)
    network = module.load(checkpoint_path(checkpoint))
    images = FashionMNIST(batch_size, choose_image_size(network.spec, image_size), data)

    def make_learner(spec: AnyNetSpec) -> Learner:
        return module.Learner(module.create(spec), images.image_shape, device=device)

    learner = module.Learner(network, images.image_shape, device=device)
    evaluation = validation(learner, images, precise_bn, network.spec, make_learner)()
    if as_json:
        click.echo(json.dumps(evaluation.to_dict(images.classes), indent=2))
    else:
        print_evaluation(evaluation, images.classes)
