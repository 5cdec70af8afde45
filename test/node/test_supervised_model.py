"""A model whose backend fails is built again, with growing pauses."""

import re
import time

import pytest
from node.faulty_bundle import FAILS, write_faulty_bundle
from support.tiny_bundle import smooth_image

from flowenedet_ros.inference import BackendError, load_bundle
from flowenedet_ros.node.supervised_model import SupervisedModel

PAUSE = re.compile(r'next attempt in ([0-9.]+) s')
GOOD = smooth_image(96, 128)


def image_that_fails():
    image = GOOD.copy()
    image[0, 0, 0] = FAILS
    return image


def announced_pause(model, image):
    """Run until the backend has failed again; give the seconds that the next run is put off."""
    failures = model.failures
    while True:
        with pytest.raises(BackendError) as failure:
            model.run([image])
        if model.failures > failures:
            return float(PAUSE.search(str(failure.value))[1])
        time.sleep(0.01)


def recovered(model):
    while True:
        try:
            return model.run([GOOD])
        except BackendError:
            time.sleep(0.01)


def test_pauses_grow_while_it_fails_and_begin_anew_after_a_recovery(tmp_path):
    folder = write_faulty_bundle(tmp_path / 'faulty')
    model = SupervisedModel(lambda: load_bundle(folder, 'onnxruntime'))
    model.open()

    pauses = [announced_pause(model, image_that_fails()) for _ in range(3)]
    assert pauses == [0.5, 1.0, 2.0]
    assert model.recoveries == 0
    assert len(recovered(model)) == 1
    assert (model.recoveries, model.failure) == (1, None)

    assert announced_pause(model, image_that_fails()) == 0.5
    model.close()


def test_a_model_that_is_gone_is_a_failure_and_not_the_end(tmp_path):
    folder = write_faulty_bundle(tmp_path / 'faulty')
    model = SupervisedModel(lambda: load_bundle(folder, 'onnxruntime'))
    model.open()
    announced_pause(model, image_that_fails())
    manifest = (folder / 'model.yaml').read_text()

    (folder / 'model.yaml').unlink()
    announced_pause(model, GOOD)
    assert 'model.yaml' in model.failure
    (folder / 'model.yaml').write_text(manifest)
    assert len(recovered(model)) == 1
    model.close()
