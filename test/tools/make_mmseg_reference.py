"""Write what real MMSegmentation models are called, how large they are and what they compute.

python test/tools/make_mmseg_reference.py test/segmenters/data/mmseg_reference.json

It runs in an environment of its own:
pip install torch==2.13.0 mmsegmentation==1.2.2 mmcv-lite==2.1.0 mmengine-lite==0.10.7 ftfy regex
"""

import importlib.machinery
import json
import sys
import types
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / 'segmenters'))
from formula_weights import formula_image, formula_state, sampled

CITYSCAPES = 'cityscapes-512x1024.py'
CONFIGS = {
    'deeplabv3plus_r18-d8': f'deeplabv3plus/deeplabv3plus_r18-d8_4xb2-80k_{CITYSCAPES}',
    'deeplabv3plus_r50-d8': f'deeplabv3plus/deeplabv3plus_r50-d8_4xb2-80k_{CITYSCAPES}',
    'deeplabv3plus_r101-d8': f'deeplabv3plus/deeplabv3plus_r101-d8_4xb2-80k_{CITYSCAPES}',
    'deeplabv3plus_mobilenetv2-d8': (
        f'mobilenet_v2/mobilenet-v2-d8_deeplabv3plus_4xb2-80k_{CITYSCAPES}'
    ),
    **{
        f'segformer_b{size}': (f'segformer/segformer_mit-b{size}_8xb1-160k_cityscapes-1024x1024.py')
        for size in range(6)
    },
}
IMAGE = (64, 128)
LISTED = (
    'deeplabv3plus_r18-d8',
    'deeplabv3plus_r101-d8',
    'deeplabv3plus_mobilenetv2-d8',
    'segformer_b0',
    'segformer_b2',
)


class _NoExtension(types.ModuleType):
    """Stand in for mmcv's compiled operators, which none of these models calls."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith('__'):
            raise AttributeError(name)
        return lambda *_, **__: None


def build(config: str) -> torch.nn.Module:
    """Build a model as its configuration says, without pretrained weights."""
    stub = _NoExtension('mmcv._ext')
    stub.__spec__ = importlib.machinery.ModuleSpec('mmcv._ext', None)
    stub.__file__ = 'mmcv_ext'
    sys.modules.setdefault('mmcv._ext', stub)
    import mmseg
    from mmengine import Config
    from mmseg.registry import MODELS
    from mmseg.utils import register_all_modules

    register_all_modules()
    path = Path(mmseg.__file__).parent / '.mim' / 'configs' / config
    model = Config.fromfile(str(path)).model
    model.pretrained = None
    model.data_preprocessor = None
    model.backbone.pop('init_cfg', None)
    for part in (model.backbone, model.decode_head, model.get('auxiliary_head')):
        if part and 'norm_cfg' in part and part.norm_cfg.type == 'SyncBN':
            part.norm_cfg.type = 'BN'
    return MODELS.build(model).eval()


def describe(name: str) -> dict[str, Any]:
    """Give keys with shapes, parameters without the auxiliary head, and sampled logits."""
    model = build(CONFIGS[name])
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    parameters = sum(
        p.numel() for key, p in model.named_parameters() if not key.startswith('auxiliary_head.')
    )
    result: dict[str, Any] = {'parameters': parameters}
    if name in LISTED:
        model.load_state_dict(formula_state(shapes))
        with torch.inference_mode():
            logits = model.decode_head(model.backbone(formula_image(*IMAGE)))
        result['image'] = IMAGE
        result['logits_shape'] = tuple(logits.shape)
        result['logits'] = [round(value, 6) for value in sampled(logits).tolist()]
        result['keys'] = shapes
    return result


def main() -> None:
    """Write the file."""
    import mmcv
    import mmengine
    import mmseg

    versions = {module.__name__: module.__version__ for module in (mmseg, mmcv, mmengine, torch)}
    lines = [f'"versions": {json.dumps(versions)}']
    for name in CONFIGS:
        lines.append(f'{json.dumps(name)}: {json.dumps(describe(name), separators=(",", ":"))}')
        print(name, lines[-1][:100])
    Path(sys.argv[1]).write_text('{\n' + ',\n'.join(lines) + '\n}\n', encoding='utf-8')


if __name__ == '__main__':
    main()
