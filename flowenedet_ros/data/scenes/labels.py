"""Label ids of what is drawn: CamVid's, in the order of `CAMVID_CLASSES`."""

SKY, BUILDING, POLE, ROAD, PAVEMENT, TREE, SIGN, FENCE, CAR, PEDESTRIAN, BICYCLIST = range(11)
