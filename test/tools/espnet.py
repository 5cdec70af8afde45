"""ESPNet with decoder (arXiv 1803.06815), assembled to fit its public weights."""

import torch
import torch.nn.functional as F
from espnetv2_blocks import ConvNormAct, NormAct, halve
from torch import Tensor, nn

EPS = 1e-3
DILATIONS = (1, 2, 4, 8, 16)


def _conv(channels: int, out: int, kernel: int = 1, dilation: int = 1) -> ConvNormAct:
    return ConvNormAct(channels, out, kernel, dilation=dilation, norm=False, act=False)


class Pyramid(nn.Module):
    """Reduction followed by five dilated convolutions summed hierarchically."""

    def __init__(self, channels: int, out: int, *, stride: int = 1) -> None:
        super().__init__()
        width = out // len(DILATIONS)
        first = out - (len(DILATIONS) - 1) * width
        self.c1 = ConvNormAct(
            channels, width, 1 if stride == 1 else 3, stride=stride, norm=False, act=False
        )
        for dilation in DILATIONS:
            branch = _conv(width, first if dilation == 1 else width, 3, dilation)
            self.add_module(f'd{dilation}', branch)

    def pyramid(self, x: Tensor) -> Tensor:
        x = self.c1(x)
        first, *rest = (self.get_submodule(f'd{dilation}')(x) for dilation in DILATIONS)
        sums = [rest[0]]
        for branch in rest[1:]:
            sums.append(sums[-1] + branch)
        return torch.cat([first, *sums], dim=1)


class Down(Pyramid):
    """Strided pyramid, keyed `bn`, `act` beside the branches."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__(channels, out, stride=2)
        self.bn = nn.BatchNorm2d(out, eps=EPS)
        self.act = nn.PReLU(out)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.bn(self.pyramid(x)))


class Block(Pyramid):
    """Pyramid with an optional skip."""

    def __init__(self, channels: int, out: int, *, skip: bool = True) -> None:
        super().__init__(channels, out)
        self.skip = skip
        self.bn = NormAct(out, EPS)

    def forward(self, x: Tensor) -> Tensor:
        y = self.pyramid(x)
        return self.bn(x + y if self.skip else y)


class Encoder(nn.Module):
    """Three levels at strides 2, 4 and 8, with `p` and `q` blocks."""

    def __init__(self, outputs: int, p: int = 2, q: int = 8) -> None:
        super().__init__()
        self.level1 = ConvNormAct(3, 16, 3, stride=2, eps=EPS)
        self.b1 = NormAct(16 + 3, EPS)
        self.level2_0 = Down(16 + 3, 64)
        self.level2 = nn.Sequential(*(Block(64, 64) for _ in range(p)))
        self.b2 = NormAct(128 + 3, EPS)
        self.level3_0 = Down(128 + 3, 128)
        self.level3 = nn.Sequential(*(Block(128, 128) for _ in range(q)))
        self.b3 = NormAct(256, EPS)
        self.classifier = _conv(256, outputs)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        half = halve(image)
        stem = self.level1(image)
        one = self.b1(torch.cat([stem, half], dim=1))
        two = self.level2_0(one)
        two = self.b2(torch.cat([self.level2(two), two, halve(half)], dim=1))
        three = self.level3_0(two)
        return stem, one, two, self.b3(torch.cat([three, self.level3(three)], dim=1))


class ESPNet(nn.Module):
    """Encoder and light decoder; logits, embedding and deep map at strides 4, 4 and 8.

    :param wide_fusion: fuse the stem joined with the image (19 channels) instead of the stem (16).
    """

    def __init__(self, outputs: int, *, wide_fusion: bool) -> None:
        super().__init__()
        self.wide_fusion = wide_fusion
        self.encoder = Encoder(outputs)
        self.level3_C = _conv(128 + 3, outputs)
        self.br = nn.BatchNorm2d(outputs, eps=EPS)
        fused = (19 if wide_fusion else 16) + outputs
        self.conv = ConvNormAct(fused, outputs, 3, eps=EPS)
        self.up_l3 = nn.Sequential(nn.ConvTranspose2d(outputs, outputs, 2, 2, bias=False))
        self.combine_l2_l3 = nn.Sequential(
            NormAct(2 * outputs, EPS), Block(2 * outputs, outputs, skip=False)
        )
        self.up_l2 = nn.Sequential(
            nn.ConvTranspose2d(outputs, outputs, 2, 2, bias=False), NormAct(outputs, EPS)
        )
        self.classifier = nn.ConvTranspose2d(outputs, outputs, 2, 2, bias=False)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        stem, one, two, three = self.encoder(image)
        deep = self.up_l3(self.br(self.encoder.classifier(three)))
        x = self.up_l2(self.combine_l2_l3(torch.cat([self.level3_C(two), deep], dim=1)))
        embedding = self.conv(torch.cat([x, one if self.wide_fusion else stem], dim=1))
        return F.avg_pool2d(self.classifier(embedding), 4), F.avg_pool2d(embedding, 2), three


def espnet(state: dict[str, Tensor]) -> ESPNet:
    """Build the network whose sizes the state dict shows, and load it."""
    outputs = state['br.weight'].shape[0]
    network = ESPNet(outputs, wide_fusion=state['conv.conv.weight'].shape[1] == 19 + outputs)
    network.load_state_dict(state)
    return network.eval()
