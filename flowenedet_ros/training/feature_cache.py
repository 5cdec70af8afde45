"""What the frozen segmenter says of each view, kept on disk so that a fit takes minutes."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from flowenedet_ros.segmenters.interface import FrozenSegmenter, SegmenterOutput, SegmenterSpec
from flowenedet_ros.training.detector_views import DetectorViews, FrameSource, targets
from flowenedet_ros.training.workers import picture_workers, started

_MAPS = ('logits', 'embedding', 'deep')
_LARGEST = 6e4
_FINGERPRINTED = 12


@dataclass(frozen=True)
class CachedFeatures:
    """Segmenter outputs of all views as float16 arrays on disk, and the pixels' targets.

    :param maps: `logits`, and where the segmenter gives them `embedding` and `deep`, each
        (views, channels, h, w).
    :param target: uint8 (views, h, w) at the logit stride; see `detector_views`.
    :param name: a hash of the segmenter and the pictures.
    """

    maps: Mapping[str, NDArray[np.float16]]
    target: NDArray[np.uint8]
    name: str

    def __len__(self) -> int:
        return len(self.target)

    def view(self, index: int) -> tuple[SegmenterOutput, Tensor]:
        """Give one whole view as a batch of one."""
        return self.batch([index], [(0, 0)], self.target.shape[1:])

    def batch(
        self, views: list[int], corners: list[tuple[int, int]], size: tuple[int, ...]
    ) -> tuple[SegmenterOutput, Tensor]:
        """Give crops of (height, width) `size` at the logit stride.

        :param corners: top and left of each crop, multiples of the deep map's relative stride.
        """
        height, width = self.target.shape[1:]
        crops: dict[str, Tensor | None] = dict.fromkeys(_MAPS)
        for name, values in self.maps.items():
            down, right = round(height / values.shape[2]), round(width / values.shape[3])
            rows, columns = -(-size[0] // down), -(-size[1] // right)
            pieces = [
                values[v, :, y // down : y // down + rows, x // right : x // right + columns]
                for v, (y, x) in zip(views, corners, strict=True)
            ]
            # PyTorch widens three times as fast as NumPy.
            crops[name] = torch.from_numpy(np.stack(pieces)).float()
        marks = [
            self.target[v, y : y + size[0], x : x + size[1]]
            for v, (y, x) in zip(views, corners, strict=True)
        ]
        logits = crops['logits']
        assert logits is not None  # every segmenter has logits
        output = SegmenterOutput(logits, crops['embedding'], crops['deep'])
        return output, torch.from_numpy(np.stack(marks))

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open what `fill_cache` wrote."""
        maps = {
            name: np.load(folder / f'{name}.npy', mmap_mode='r')
            for name in _MAPS
            if (folder / f'{name}.npy').exists()
        }
        return cls(maps, np.load(folder / 'target.npy', mmap_mode='r'), folder.name)


def normalised_input(image: Tensor, spec: SegmenterSpec) -> Tensor:
    """Turn a BGR picture of the network's size, uint8 (H, W, 3), into its input (1, 3, H, W)."""
    mean, std = (torch.tensor(values, device=image.device) for values in (spec.mean, spec.std))
    normalised = (image.flip(2).float() - mean) / std
    return normalised.permute(2, 0, 1)[None].contiguous()


def fingerprint(segmenter: FrozenSegmenter) -> str:
    """Give a hash of all that decides a segmenter's answers: its spec and its weights or file."""
    digest = hashlib.sha256(repr(segmenter.spec).encode())
    for name, value in segmenter.state_dict().items():
        digest.update(name.encode() + value.cpu().numpy().tobytes())
    description = getattr(segmenter.network, 'description', None)
    if description is not None:
        digest.update(Path(description.file).read_bytes())
    return digest.hexdigest()[:16]


def _fingerprint_views(views: DetectorViews) -> str:
    """Give a hash of some views, evenly spread: other augmentation, other views."""
    digest = hashlib.sha256()
    for number in np.unique(np.linspace(0, len(views) - 1, _FINGERPRINTED, dtype=int)).tolist():
        view = views[number]
        digest.update(view.image.tobytes() + view.labels.tobytes())
    return digest.hexdigest()[:16]


def fill_cache(
    root: Path,
    segmenter: FrozenSegmenter,
    views: DetectorViews,
    identity: Mapping[str, Any],
    device: torch.device,
) -> CachedFeatures:
    """Run the segmenter on every view, or open the result of an earlier run.

    A run that was stopped goes on where it was.

    :param identity: what the views are made of; another identity or segmenter gets another folder
        under `root`.
    :param device: to run the segmenter on.
    """
    facts = {
        'segmenter': fingerprint(segmenter),
        'pictures': _fingerprint_views(views),
        'seed': views.seed,
        'views': len(views),
    }
    text = json.dumps({**identity, **facts}, sort_keys=True)
    folder = root / hashlib.sha256(text.encode()).hexdigest()[:16]
    progress = folder / 'progress.json'
    done = json.loads(progress.read_text())['done'] if progress.exists() else 0
    if done < len(views):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / 'identity.json').write_text(text)
        _fill(folder, progress, done, segmenter.to(device), views, device)
    return CachedFeatures.open(folder)


class _Pictures(Dataset[tuple[Tensor, Tensor]]):
    """Image and labels of the views not yet done, as small as they are sent between processes."""

    def __init__(self, views: DetectorViews, done: int) -> None:
        self._views, self._done = views, done

    def __len__(self) -> int:
        return len(self._views) - self._done

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        view = self._views[self._done + index]
        return torch.from_numpy(view.image), torch.from_numpy(view.labels)


def _fill(
    folder: Path,
    progress: Path,
    done: int,
    segmenter: FrozenSegmenter,
    views: DetectorViews,
    device: torch.device,
) -> None:
    arrays: dict[str, NDArray[Any]] = {}
    pictures = DataLoader(
        _Pictures(views, done), batch_size=None, num_workers=picture_workers(device)
    )
    bar = tqdm(started(pictures), desc='segmenting', initial=done, total=len(views))
    for number, (image, labels) in enumerate(bar, done):
        with torch.no_grad():
            output = segmenter(normalised_input(image.to(device), segmenter.spec))
        marks = _targets_at(output.logits, labels.numpy(), views.source(number))
        # Half as much to fetch from a GPU.
        values = {
            name: value[0].clamp(-_LARGEST, _LARGEST).half().cpu().numpy()
            for name, value in output._asdict().items()
            if value is not None
        }
        values['target'] = marks
        if not arrays:
            arrays = _open_arrays(folder, values, len(views), 'r+' if done else 'w+')
        for name, value in values.items():
            arrays[name][number] = value
        if number % 16 == 15 or number + 1 == len(views):
            for array in arrays.values():
                array.flush()  # type: ignore[attr-defined]
            progress.write_text(json.dumps({'done': number + 1}))


def _open_arrays(
    folder: Path, values: Mapping[str, NDArray[Any]], views: int, mode: Literal['r+', 'w+']
) -> dict[str, NDArray[Any]]:
    """Open an array of all views for each value of one, or create it."""
    return {
        name: np.lib.format.open_memmap(
            folder / f'{name}.npy', mode=mode, dtype=value.dtype, shape=(views, *value.shape)
        )
        for name, value in values.items()
    }


def _targets_at(
    logits: Tensor, labels: NDArray[np.uint8], source: FrameSource
) -> NDArray[np.uint8]:
    """Judge the predictions at the logit stride against the nearest labels."""
    height, width = logits.shape[2:]
    near = cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    return targets(near.astype(np.uint8), logits[0].argmax(0).byte().cpu().numpy(), source)
