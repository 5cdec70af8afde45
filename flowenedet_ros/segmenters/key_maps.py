"""How other implementations name the weights of SegFormer, and how they lay them out."""

import re
from collections.abc import Iterable

import torch
from torch import Tensor

from flowenedet_ros.segmenters.errors import SegmenterError

StateDict = dict[str, Tensor]
Rules = tuple[tuple[str, str], ...]

# Query, key and value are one matrix in MMSegmentation, three in transformers, two here.
_QUERY, _KEY, _VALUE, _ALL = '.query', '.key', '.value', '.in_proj'

MMSEG_RULES: Rules = (
    (r'^backbone\.layers\.(\d)\.0\.(projection|norm)\.', r'backbone.stages.\1.embed.\2.'),
    (r'^backbone\.layers\.(\d)\.2\.', r'backbone.stages.\1.norm.'),
    (r'^backbone\.layers\.(\d)\.1\.(\d+)\.', r'backbone.stages.\1.blocks.\2.'),
    (r'\.attn\.attn\.in_proj_', rf'.attention{_ALL}.'),
    (r'\.attn\.attn\.out_proj\.', r'.attention.output.'),
    (r'\.attn\.sr\.', r'.attention.reduction.'),
    (r'\.attn\.norm\.', r'.attention.reduction_norm.'),
    (r'\.ffn\.layers\.0\.', r'.mlp.expand.'),
    (r'\.ffn\.layers\.1\.', r'.mlp.depthwise.'),
    (r'\.ffn\.layers\.4\.', r'.mlp.project.'),
    (r'^decode_head\.convs\.(\d)\.', r'decode_head.scales.\1.'),
    (r'^decode_head\.fusion_conv\.', r'decode_head.fusion.'),
)

_HF_HEAD: Rules = (
    (r'^decode_head\.(?:linear_c|linear_projections)\.(\d)\.proj\.', r'decode_head.scales.\1.'),
    (r'^decode_head\.linear_fuse\.', r'decode_head.fusion.conv.'),
    (r'^decode_head\.batch_norm\.', r'decode_head.fusion.bn.'),
    (r'^decode_head\.classifier\.', r'decode_head.conv_seg.'),
    (r'\.mlp\.(?:dense1|fc1)\.', r'.mlp.expand.'),
    (r'\.mlp\.dwconv\.dwconv\.', r'.mlp.depthwise.'),
    (r'\.mlp\.(?:dense2|fc2)\.', r'.mlp.project.'),
)

# As the files on the hub spell them, and as transformers 5 spells them in memory.
HF_RULES: Rules = (
    *_HF_HEAD,
    (
        r'^segformer\.encoder\.patch_embeddings\.(\d)\.proj\.',
        r'backbone.stages.\1.embed.projection.',
    ),
    (
        r'^segformer\.encoder\.patch_embeddings\.(\d)\.layer_norm\.',
        r'backbone.stages.\1.embed.norm.',
    ),
    (r'^segformer\.encoder\.layer_norm\.(\d)\.', r'backbone.stages.\1.norm.'),
    (r'^segformer\.encoder\.block\.(\d)\.(\d+)\.', r'backbone.stages.\1.blocks.\2.'),
    (
        r'^segformer\.stages\.(\d)\.patch_embeddings\.proj\.',
        r'backbone.stages.\1.embed.projection.',
    ),
    (
        r'^segformer\.stages\.(\d)\.patch_embeddings\.layer_norm\.',
        r'backbone.stages.\1.embed.norm.',
    ),
    (r'^segformer\.stages\.(\d)\.layer_norm\.', r'backbone.stages.\1.norm.'),
    (r'^segformer\.stages\.', r'backbone.stages.'),
    (r'\.attention\.self\.(query|key|value)\.', r'.attention.\1.'),
    (r'\.attention\.q_proj\.', rf'.attention{_QUERY}.'),
    (r'\.attention\.k_proj\.', rf'.attention{_KEY}.'),
    (r'\.attention\.v_proj\.', rf'.attention{_VALUE}.'),
    (r'\.attention\.(?:output\.dense|o_proj)\.', r'.attention.output.'),
    (
        r'\.attention\.(?:self\.sr|sequence_reduction\.sequence_reduction)\.',
        r'.attention.reduction.',
    ),
    (
        r'\.attention\.(?:self|sequence_reduction)\.layer_norm\.',
        r'.attention.reduction_norm.',
    ),
    (r'\.(?:layer_norm_1|layernorm_before)\.', r'.norm1.'),
    (r'\.(?:layer_norm_2|layernorm_after)\.', r'.norm2.'),
)


def rename(keys: Iterable[str], rules: Rules) -> dict[str, str]:
    """Give the new name of each key."""
    renamed = {}
    for old in keys:
        new = old
        for pattern, replacement in rules:
            new = re.sub(pattern, replacement, new)
        renamed[old] = new
    return renamed


def from_mmsegmentation(state: StateDict) -> StateDict:
    """Turn the state dict of an MMSegmentation SegFormer into this package's."""
    named = {new: state[old] for old, new in rename(state, MMSEG_RULES).items()}
    result: StateDict = {}
    for key, value in named.items():
        if _ALL in key:
            width = value.shape[0] // 3
            result[key.replace(_ALL, _QUERY)] = value[:width]
            result[key.replace(_ALL, '.key_value')] = value[width:]
        elif '.mlp.' in key and value.ndim == 4 and 'depthwise' not in key:
            result[key] = value.flatten(1)
        else:
            result[key] = value
    return result


def from_hugging_face(state: StateDict) -> StateDict:
    """Turn the state dict of a transformers SegFormer, in either spelling, into this package's."""
    named = {new: state[old] for old, new in rename(state, HF_RULES).items()}
    result: StateDict = {}
    for key, value in named.items():
        if f'{_VALUE}.' in key:
            continue
        if f'{_KEY}.' in key:
            other = named.get(key.replace(_KEY, _VALUE))
            if other is None:
                raise SegmenterError(f'the checkpoint has {key} but no matching value projection')
            result[key.replace(_KEY, '.key_value')] = torch.cat([value, other])
        elif key.startswith('decode_head.scales.') and value.ndim == 2:
            result[key] = value[:, :, None, None]
        elif key == 'decode_head.fusion.conv.weight':
            # Its parts are ordered from the last stage to the first.
            result[key] = torch.cat(value.chunk(4, dim=1)[::-1], dim=1)
        else:
            result[key] = value
    return result
