"""How well a detector ranks the pixels of held-out views."""

import numpy as np
import torch

from flowenedet_ros.detector.base import Detector
from flowenedet_ros.detector.loss import CORRECT, INLIER, OUTLYING, WRONG
from flowenedet_ros.training.feature_cache import CachedFeatures
from flowenedet_ros.training.ranking import Ranking, ranking

_STRIDE = 2


@torch.no_grad()
def validate(detector: Detector, cache: CachedFeatures) -> dict[str, Ranking]:
    """Rank every fourth pixel of all views.

    `idm`: misclassified against correct pixels by the IDM score. `ood`: pasted outliers against
    all others by the OOD score. `separation`: outliers against misclassified by the OOD score.
    """
    idm, ood, target = [], [], []
    device = detector.logit_mean.device
    for index in range(len(cache)):
        output, marks = cache.view(index)
        scores = detector(output.to(device))
        grid = (slice(None), slice(None, None, _STRIDE), slice(None, None, _STRIDE))
        idm.append(scores.idm[grid].flatten().cpu().numpy())
        ood.append(scores.ood[grid].flatten().cpu().numpy())
        target.append(marks[grid].flatten().numpy())
    idm_score, ood_score, truth = (np.concatenate(part) for part in (idm, ood, target))
    outliers = ood_score[truth == OUTLYING]
    known = np.isin(truth, (CORRECT, WRONG, INLIER))
    return {
        'idm': ranking(idm_score[truth == WRONG], idm_score[truth == CORRECT]),
        'ood': ranking(outliers, ood_score[known]),
        'separation': ranking(outliers, ood_score[truth == WRONG]),
    }
