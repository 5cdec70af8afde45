"""ESPNetv2 for segmentation (arXiv 1811.11431), assembled to fit its public weights."""

import torch
import torch.nn.functional as F
from espnetv2_blocks import (
    EESP,
    ConvNormAct,
    DownSampler,
    GatedProjection,
    PyramidPool,
    norm_act,
    resize,
)
from torch import Tensor, nn

WIDE = (1, 2, 3, 4)
NARROW = (1, 1, 2, 3)


class Encoder(nn.Module):
    """Four levels at strides 2 to 16.

    :param widths: channels after each level.
    """

    def __init__(self, widths: tuple[int, int, int, int]) -> None:
        super().__init__()
        first, second, third, fourth = widths
        self.level1 = ConvNormAct(3, first, 3, stride=2)
        self.level2_0 = DownSampler(first, second, WIDE, halvings=2)
        self.level3_0 = DownSampler(second, third, WIDE, halvings=3)
        self.level3 = nn.Sequential(*(EESP(third, third, dilations=WIDE) for _ in range(3)))
        self.level4_0 = DownSampler(third, fourth, WIDE, halvings=4)
        self.level4 = nn.Sequential(*(EESP(fourth, fourth, dilations=NARROW) for _ in range(7)))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        one = self.level1(image)
        two = self.level2_0(one, image)
        three = self.level3(self.level3_0(two, image))
        return one, two, three, self.level4(self.level4_0(three, image))


class ESPNetV2(nn.Module):
    """Encoder and bottom-up decoder; logits, embedding and deep map at strides 4, 4 and 16.

    The deep map is of the decoder's first level and of the encoder's last two: what the decoder
    keeps of these knows little but the classes it was trained for.
    """

    DECODER = (64, 48, 32)

    def __init__(self, widths: tuple[int, int, int, int], outputs: int, width: int = 10) -> None:
        super().__init__()
        one, two, three, four = widths
        deep, middle, high = self.DECODER
        self.base_net = Encoder(widths)
        self.bu_dec_l1 = PyramidPool(four, width, deep)
        self.bu_dec_l2 = PyramidPool(deep, width, middle)
        self.bu_dec_l3 = PyramidPool(middle, width, high)
        self.bu_dec_l4 = PyramidPool(high, width, outputs, last=True)
        self.merge_enc_dec_l2 = GatedProjection(three, deep)
        self.merge_enc_dec_l3 = GatedProjection(two, middle)
        self.merge_enc_dec_l4 = GatedProjection(one, high)
        self.bu_br_l2 = nn.Sequential(*norm_act(deep))
        self.bu_br_l3 = nn.Sequential(*norm_act(middle))
        self.bu_br_l4 = nn.Sequential(*norm_act(high))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        one, two, three, four = self.base_net(image)
        deep = self.bu_dec_l1(four)
        x = self.bu_dec_l2(self.bu_br_l2(self.merge_enc_dec_l2(three) + double(deep)))
        embedding = self.bu_dec_l3(self.bu_br_l3(self.merge_enc_dec_l3(two) + double(x)))
        logits = self.bu_dec_l4(self.bu_br_l4(self.merge_enc_dec_l4(one) + double(embedding)))
        deepest = torch.cat([deep, four, F.avg_pool2d(three, 2)], dim=1)
        return F.avg_pool2d(logits, 2), embedding, deepest


def double(x: Tensor) -> Tensor:
    """Upsample by two."""
    return resize(x, (2 * x.shape[2], 2 * x.shape[3]))


def espnetv2(state: dict[str, Tensor]) -> ESPNetV2:
    """Build the network whose sizes the state dict shows, and load it."""
    widths = tuple(
        state[f'base_net.{key}'].shape[0]
        for key in ('level1.act.weight', 'level2_0.act.weight', 'level3_0.act.weight')
    )
    network = ESPNetV2(
        (*widths, state['base_net.level4_0.act.weight'].shape[0]),
        outputs=state['bu_dec_l4.merge_layer.3.bias'].shape[0],
        width=state['bu_dec_l1.projection_layer.cbr.0.weight'].shape[0],
    )
    network.load_state_dict(state)
    return network.eval()
