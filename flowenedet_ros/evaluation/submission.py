"""Score maps in the files that Fishyscapes and SegmentMeIfYouCan take.

Fishyscapes runs a container that writes `ID_anomaly.npy` (float32) and `ID_segmentation.npy` for
each picture of its input folder. SegmentMeIfYouCan reads `anomaly_p/METHOD/DATASET/ID.hdf5` with a
float16 map `value` between 0 and 1.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.data.errors import DataError
from flowenedet_ros.data.folder import Sample
from flowenedet_ros.data.images import describe, list_images, read_image
from flowenedet_ros.evaluation.benchmark_run import Request
from flowenedet_ros.evaluation.errors import EvaluationError
from flowenedet_ros.evaluation.frames import Samples, enlarge, nearest
from flowenedet_ros.evaluation.methods import Scores
from flowenedet_ros.evaluation.run import run_shown
from flowenedet_ros.evaluation.source import Tensors
from flowenedet_ros.evaluation.tally import Tally

# Log-odds between about -60 and 60 stay apart in float16, which has 11 bits.
_SPREAD = 8.0


class Pictures:
    """Pictures without labels, as test sets are published, from a folder and those below it.

    :raises DataError: where there is none.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        below = [path for path in sorted(folder.rglob('*')) if path.is_dir()]
        self._paths = [image for place in (folder, *below) for image in list_images(place)]
        if not self._paths:
            raise DataError(f'{folder}: expected pictures, found {describe(folder)}')

    @property
    def names(self) -> list[str]:
        """Stems of the pictures."""
        return [path.stem for path in self._paths]

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> Sample:
        """Read one picture; every label is 255."""
        image = read_image(self._paths[index])
        nothing = np.full(image.shape[:2], 255, np.uint8)
        return Sample(image, nothing, self._paths[index].stem)


def write_fishyscapes(
    folder: Path,
    dataset: str,
    method: str,
    name: str,
    score: NDArray[np.float32],
    segmentation: NDArray[np.uint8],
) -> None:
    """Write what Fishyscapes' container writes for one picture."""
    stem = name.removesuffix('_rgb')
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / f'{stem}_anomaly.npy', score)
    np.save(folder / f'{stem}_segmentation.npy', segmentation)


def write_segment_me_if_you_can(
    folder: Path,
    dataset: str,
    method: str,
    name: str,
    score: NDArray[np.float32],
    segmentation: NDArray[np.uint8],
) -> None:
    """Write what SegmentMeIfYouCan reads for one picture.

    :raises EvaluationError: where h5py is not installed.
    """
    try:
        import h5py  # type: ignore[import-untyped,unused-ignore]
    except ImportError as error:
        raise EvaluationError(
            f"SegmentMeIfYouCan takes HDF5 files ({error}): pip install 'flowenedet_ros[submit]'"
        ) from error
    target = folder / 'anomaly_p' / method / dataset / f'{name}.hdf5'
    target.parent.mkdir(parents=True, exist_ok=True)
    rate = 1 / (1 + np.exp(-np.clip(score / _SPREAD, -20, 20)))
    with h5py.File(target, 'w') as file:
        file.create_dataset('value', data=rate.astype(np.float16), compression='gzip')


WRITERS: dict[str, Callable[..., None]] = {
    'fishyscapes': write_fishyscapes,
    'segment-me-if-you-can': write_segment_me_if_you_can,
}


@dataclass(frozen=True)
class SubmissionTask:
    """Write one method's OOD scores of every picture.

    :param benchmark: a key of `WRITERS`.
    :param dataset: as the owners name it, such as `AnomalyTrack-all`.
    """

    samples: Samples
    benchmark: str
    folder: Path
    dataset: str
    method: str

    def measure(
        self, sample: Sample, tensors: Tensors, scores: dict[str, Scores], tally: Tally
    ) -> None:
        """Write one frame."""
        shape = sample.labels.shape
        score = enlarge(scores[self.method].ood, shape)
        segmentation = nearest(tensors.labels, shape)
        write = WRITERS[self.benchmark]
        write(self.folder, self.dataset, self.method, sample.name, score, segmentation)
        tally.counts['pixels'] += score.size


def submit(
    request: Request, data: Path, folder: Path, benchmark: str, dataset: str, method: str
) -> None:
    """Write the files of a submission for every picture of a folder.

    :raises EvaluationError: where not every picture could be written: the owners take all or none.
    """
    config = replace(request.config, methods=(method,))
    task = SubmissionTask(Pictures(data), benchmark, folder, dataset, method)
    tally = run_shown('submission', config, task, request.options)
    if tally.failed:
        reasons = '; '.join(tally.failed.values())
        raise EvaluationError(f'{len(tally.failed)} pictures were not written: {reasons}')
    print(f'{tally.counts["images"]} score maps of {method} in {folder}')
