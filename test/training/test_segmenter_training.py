import numpy as np
import pytest
import torch
from support.devices import DEVICES
from torch import nn

from flowenedet_ros.data.classes import VOID
from flowenedet_ros.data.folder import Sample
from flowenedet_ros.segmenters.interface import SegmenterOutput
from flowenedet_ros.training.distributed import Process, training_process
from flowenedet_ros.training.errors import TrainingError
from flowenedet_ros.training.segmenter_training import SegmenterTrainer, SegmenterTraining


class SmallNetwork(nn.Module):
    """Two convolutions: enough to tell colours apart."""

    def __init__(self):
        super().__init__()
        self.backbone = nn.Conv2d(3, 8, 3, stride=4, padding=1)
        self.head = nn.Conv2d(8, 3, 1)

    def forward(self, images):
        embedding = self.backbone(images).relu()
        return self.head(embedding), embedding, embedding


def pictures(count):
    """Give pictures of three colours, one a class."""
    rng = np.random.default_rng(0)
    made = []
    for number in range(count):
        labels = np.kron(rng.integers(0, 3, (4, 4)), np.ones((16, 16))).astype(np.uint8)
        image = np.zeros((64, 64, 3), np.uint8)
        for label in range(3):
            image[labels == label, label] = 220
        made.append(Sample(image, labels, str(number)))
    return made


def trainer(out, process, *, epochs, seed=0):
    settings = SegmenterTraining(
        *('small', 3, epochs, (64, 64), (64, 64)),
        batch_size=4,
        learning_rate=0.02,
        bfloat16=False,
        seed=seed,
    )
    torch.manual_seed(0)
    return SegmenterTrainer(settings, SmallNetwork(), [pictures(16)], pictures(4), out, process)


@pytest.mark.parametrize('device', DEVICES)
def test_training_learns_and_resumes_to_the_same_weights(tmp_path, device):
    process = Process(rank=0, world=1, device=torch.device(device))
    unbroken = trainer(tmp_path / 'unbroken', process, epochs=6)
    unbroken.fit()
    assert unbroken.best > 0.6

    broken = trainer(tmp_path / 'broken', process, epochs=6)
    stopped_after = 3

    class StopError(Exception):
        pass

    save = broken._save

    def save_then_stop():
        save()
        if broken.epoch == stopped_after:
            raise StopError

    broken._save = save_then_stop
    with pytest.raises(StopError):
        broken.fit()
    trainer(tmp_path / 'broken', process, epochs=6).fit()

    first = torch.load(tmp_path / 'unbroken/last.pth', weights_only=True)
    second = torch.load(tmp_path / 'broken/last.pth', weights_only=True)
    for name, value in first.items():
        # A GPU adds up in any order.
        torch.testing.assert_close(
            second[name], value, atol=1e-6 if device == 'cpu' else 1e-3, rtol=0
        )


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    with training_process() as process:
        trainer(tmp_path, process, epochs=1).fit()
        with pytest.raises(TrainingError, match='other settings'):
            trainer(tmp_path, process, epochs=1, seed=1).fit()


def test_a_damaged_checkpoint_is_named(tmp_path):
    (tmp_path / 'last.ckpt').write_bytes(b'not a checkpoint')
    with training_process() as process, pytest.raises(TrainingError, match=r'last\.ckpt'):
        trainer(tmp_path, process, epochs=1).fit()


def test_a_teacher_labels_what_nobody_labelled(tmp_path):
    def teacher(images):
        scores = images[:, :, 2::4, 2::4].flip(1) * 4
        return SegmenterOutput(scores, None, torch.cat([scores, -scores], dim=1))

    unlabelled = [
        Sample(sample.image, np.full_like(sample.labels, VOID), sample.name)
        for sample in pictures(16)
    ]
    settings = SegmenterTraining(
        *('small', 3, 6, (64, 64), (64, 64)),
        batch_size=4,
        learning_rate=0.02,
        bfloat16=False,
        distillation=1.0,
        hint=1.0,
        validate_every=4,
    )
    torch.manual_seed(0)
    with training_process() as process:
        run = SegmenterTrainer(
            settings, SmallNetwork(), [unlabelled], pictures(4), tmp_path, process, teacher
        )
        run.fit()
    assert run.best > 0.6


def test_layers_that_start_from_random_weights_cannot_be_frozen(tmp_path):
    settings = SegmenterTraining('small', 3, 1, (64, 64), (64, 64), freeze_early=True)
    with training_process() as process, pytest.raises(TrainingError, match='--freeze-early'):
        SegmenterTrainer(settings, SmallNetwork(), [pictures(4)], pictures(4), tmp_path, process)
