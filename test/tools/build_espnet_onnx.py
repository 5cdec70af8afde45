"""Turn the public ESPNetv2 and ESPNet weights into ONNX files with descriptions beside them.

python test/tools/build_espnet_onnx.py DATA OUT [--only NAME] [--size HEIGHTxWIDTH]
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
import yaml
from espnet import espnet
from espnetv2 import espnetv2
from torch import Tensor, nn

from flowenedet_ros.data.classes import CAMVID_CLASSES, CITYSCAPES_CLASSES, ClassInfo

RGB = {
    'channel_order': 'rgb',
    'mean': [123.675, 116.28, 103.53],
    'std': [58.395, 57.12, 57.375],
}
# ESPNet divides by 255 after its standardisation.
ESPNET_CITYSCAPES = {
    'channel_order': 'bgr',
    'mean': [72.3923, 82.9090, 73.1584],
    'std': [255 * 45.3192, 255 * 46.1529, 255 * 44.9148],
}
ESPNET_CAMVID = {
    'channel_order': 'bgr',
    'mean': [110.331, 108.409, 105.034],
    'std': [255 * 72.125, 255 * 72.688, 255 * 69.903],
}


@dataclass(frozen=True)
class Recipe:
    """One weight file and what its network is."""

    weights: str
    build: Callable[[dict[str, Tensor]], nn.Module]
    classes: tuple[ClassInfo, ...]
    size: tuple[int, int]
    picture: dict[str, object]
    outputs: tuple[str, ...] = field(default=('logits', 'embedding', 'deep'))
    keep_extra: bool = False


CITY = CITYSCAPES_CLASSES
RECIPES = {
    'espnetv2_s2.0': Recipe('espnetv2_s_2.0_city_1024x512', espnetv2, CITY, (512, 1024), RGB),
    'espnetv2_s0.5': Recipe(
        'espnetv2_s_0.5_city_1024x512', espnetv2, CITY, (512, 1024), RGB, keep_extra=True
    ),
    'espnet_cityscapes': Recipe(
        'espnet_p_2_q_8',
        espnet,
        CITY,
        (512, 1024),
        ESPNET_CITYSCAPES,
        outputs=('logits',),
        keep_extra=True,
    ),
    'espnet_camvid': Recipe(
        'espnet_p_2_q_8_camvid', espnet, CAMVID_CLASSES, (360, 480), ESPNET_CAMVID
    ),
}


class Chosen(nn.Module):
    """A network cut to the outputs that are asked for."""

    def __init__(self, network: nn.Module, logits: int, outputs: int) -> None:
        super().__init__()
        self.network, self.logits, self.outputs = network, logits, outputs

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        logits, *others = self.network(image)
        return (logits[:, : self.logits], *others)[: self.outputs]


def write(name: str, recipe: Recipe, data: Path, out: Path, size: tuple[int, int]) -> Path:
    """Write NAME.onnx and NAME.yaml; give the latter's path."""
    weights = data / 'weights' / f'{recipe.weights}.pth'
    network = recipe.build(torch.load(weights, weights_only=True, map_location='cpu'))
    extra = 1 if recipe.keep_extra else 0
    chosen = Chosen(network, len(recipe.classes) + extra, len(recipe.outputs)).eval()
    image = torch.zeros(1, 3, *size)
    with torch.no_grad():
        chosen(image)
    out.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        chosen,
        (image,),
        out / f'{name}.onnx',
        dynamo=True,
        opset_version=18,
        external_data=False,
        input_names=['image'],
        output_names=list(recipe.outputs),
        verbose=False,
    )
    description = {
        'name': name,
        'file': f'{name}.onnx',
        'input': {'height': size[0], 'width': size[1], **recipe.picture},
        'outputs': {kind: kind for kind in recipe.outputs},
        'logit_stride': 4,
        'extra_outputs': extra,
        'classes': [{'name': c.name, 'color': list(c.color)} for c in recipe.classes],
    }
    path = out / f'{name}.yaml'
    path.write_text(yaml.safe_dump(description, sort_keys=False), encoding='utf-8')
    return path


def main() -> None:
    """Write what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('data', type=Path, help='folder that holds weights/')
    parser.add_argument('out', type=Path)
    parser.add_argument('--only', choices=RECIPES, action='append', help='repeat for several')
    parser.add_argument('--size', help='HEIGHTxWIDTH, instead of the size it was trained at')
    arguments = parser.parse_args()
    for name in arguments.only or RECIPES:
        recipe = RECIPES[name]
        height, width = map(int, arguments.size.split('x')) if arguments.size else recipe.size
        print(write(name, recipe, arguments.data, arguments.out, (height, width)))


if __name__ == '__main__':
    main()
