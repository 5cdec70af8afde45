# Everything a developer types. `make demo` and `make test` set up what they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# The variables of config/ros.env, for the processes that make starts; the launch files read it too.
CONFIG := $(abspath config)
include config/ros.env
ROS_VARIABLES := $(shell sed -n 's/^\([A-Z_]*\)=.*/\1/p' config/ros.env)
export $(ROS_VARIABLES)
export RMW_IMPLEMENTATION ?= rmw_fastrtps_cpp
# A run of make must never reach a robot on the same network.
export ROS_AUTOMATIC_DISCOVERY_RANGE := LOCALHOST
export ROS_LOG_DIR ?= $(abspath log/ros)
export AMENT_PREFIX_PATH := $(abspath install/flowenedet_ros):$(abspath $(VENV))

# Real road data, for what trains or measures on it.
DATA ?= $(or $(FLOWENEDET_DATA),../shared/data)

DECLARATIONS := setup.py setup.cfg pyproject.toml package.xml

.PHONY: help setup setup-test demo test lint bench report soak test-gpu models segformer espnetv2 clean

help:
	@echo 'make demo [BAG=... TOPIC=...] [VIDEO=...] [MODEL=...]   see it work: out/demo/'
	@echo 'make test [ARGS=...]     every test'
	@echo 'make setup               the environment .venv and the colcon tree install/'
	@echo 'make lint                ruff and mypy'
	@echo 'make bench, make report, make soak, make test-gpu   the long ones'
	@echo 'make models, make segformer, make espnetv2   train and export from DATA=...'

setup: $(VENV)/.runtime install/.built

setup-test: setup $(VENV)/.test $(VENV)/tensorrt-rtx-1.4/.done

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' || \
	  { echo 'flowenedet_ros needs Python 3.11 or 3.12, and $(PYTHON) is' \
	    "$$($(PYTHON) --version 2>&1): use make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' || \
	  { echo 'this Python cannot make virtual environments: sudo apt install python3-venv' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: $(DECLARATIONS) | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check -q -e '.[runtime,ros]'
	@touch $@

$(VENV)/.test: $(DECLARATIONS) $(VENV)/.runtime
	$(BIN)/python -m pip install --disable-pip-version-check -q \
	  -e '.[runtime,ros,train,corruptions,submit,test]'
	$(BIN)/python -m pip install --disable-pip-version-check -q --no-deps \
	  imagecorruptions-imaug==1.1.5
	@touch $@

# Beside the newest TensorRT for RTX, an older generation of its API.
$(VENV)/tensorrt-rtx-1.4/.done: | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check -q --upgrade \
	  --target $(@D) tensorrt-rtx==1.4.0.76 || \
	  echo 'TensorRT for RTX 1.4 does not install here: its tests are skipped' >&2
	@mkdir -p $(@D) && touch $@

# --symlink-install: edited Python is live; only what setup.py copies by name needs a new build.
install/.built: $(DECLARATIONS) $(VENV)/.runtime $(wildcard config/* launch/* resource/*)
	AMENT_PREFIX_PATH= PATH=$(abspath $(BIN)):$$PATH $(BIN)/colcon --log-base log build --base-paths . \
	  --symlink-install --event-handlers console_direct- desktop_notification-
	@touch $@

demo: setup
	@$(BIN)/python -m flowenedet_ros.replay.demo --out out/demo \
	  $(if $(BAG),--bag '$(BAG)') $(if $(TOPIC),--topic '$(TOPIC)') \
	  $(if $(VIDEO),--video '$(VIDEO)') $(if $(MODEL),--model '$(MODEL)')

test: setup-test
	$(BIN)/python -m pytest -m 'not gpu' $(ARGS)

test-gpu: setup-test
	$(BIN)/python -m pytest -m gpu $(ARGS)

lint: setup-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup-test
	@mkdir -p out
	$(BIN)/flowenedet benchmark --model $(or $(MODEL),camvid_deeplabv3plus) --node \
	  --json out/benchmark.json --plot out/benchmark.svg $(ARGS)

report: setup-test
	$(BIN)/flowenedet evaluate road-data --model $(or $(MODEL),camvid_deeplabv3plus) \
	  --data '$(DATA)' --json out/report/figures.json --report out/report $(ARGS)

soak: setup-test
	FLOWENEDET_SOAK_MINUTES=30 $(BIN)/python -m pytest test/node -k memory_stays_level \
	  --timeout=3600 $(ARGS)

# The bundled models, from the data folder: hours on two cores. Every step resumes.
# $(call train_segmenter,TIMES that an epoch shows each frame of CamVid)
train_segmenter = $(BIN)/flowenedet train-segmenter --data '$(DATA)/camvid/train:camvid:$(1)' \
  --validation '$(DATA)/camvid/val:camvid' --test '$(DATA)/camvid/test:camvid'
AACHEN := out/train/aachen

$(AACHEN):
	mkdir -p $@/images $@/labels
	ln -s $(abspath $(DATA))/cityscapes/images/aachen* $@/images
	ln -s $(abspath $(DATA))/cityscapes/labels_trainIds/aachen* $@/labels

# Rendered things and animals, to be pasted beside the photographed ones, and vehicles, people and
# trees, so that being rendered says nothing.
EMOJI := out/train/emoji
EMOJI_PACKAGES := @lobehub/fluent-emoji-3d@1.1.0 unicode-emoji-json@0.9.0

$(EMOJI)/packages:
	mkdir -p $@.part
	npm pack --silent --pack-destination $@.part $(EMOJI_PACKAGES)
	mv $@.part $@

$(EMOJI)/unknown $(EMOJI)/known: | $(EMOJI)/packages
	$(BIN)/python test/tools/cut_out_emoji.py $|/lobehub-fluent-emoji-3d-1.1.0.tgz \
	  $|/unicode-emoji-json-0.9.0.tgz $(@F) $@

# Rendered furniture, tools, boxes and vehicles, likewise; Debian and Ubuntu have the package.
FURNITURE := out/train/furniture

$(FURNITURE)/packages:
	mkdir -p $@.part
	cd $@.part && apt-get download sweethome3d-furniture && dpkg-deb -x *.deb .
	mv $@.part $@

$(FURNITURE)/unknown $(FURNITURE)/known: | $(FURNITURE)/packages
	$(BIN)/python test/tools/cut_out_furniture.py $| $(@F) $@

RENDERED := $(EMOJI)/unknown $(FURNITURE)/unknown $(EMOJI)/known $(FURNITURE)/known
PASTED = --outliers '$(EMOJI)/unknown' --outliers '$(FURNITURE)/unknown' \
  --known '$(EMOJI)/known' --known '$(FURNITURE)/known'

# Detectors of a CamVid segmenter and its bundle:
# $(call bundle,NAME,FOLDER,VIEWS of a Cityscapes frame,more of train[,SIZE])
define bundle
	$(BIN)/flowenedet train --segmenter $(2)/segmenter.safetensors $(5) \
	  --data '$(DATA)/camvid/train:camvid' --data '$(AACHEN):cityscapes_to_camvid:$(3)' \
	  --scenes 60 --unlabelled '$(DATA)/stream/solidWhiteRight.mp4' \
	  --validation '$(DATA)/camvid/val:camvid:6' --outliers '$(DATA)/objects_coco' $(4) \
	  --variants flowenedet,fed_u --steps 3000 --out $(2)-detectors
	$(BIN)/flowenedet export --segmenter $(2)/segmenter.safetensors $(5) \
	  --detectors $(2)-detectors/flow.safetensors --images '$(DATA)/camvid/val/images' \
	  --name $(1) --out $(2)-exported --replace
	$(BIN)/flowenedet calibrate --model $(2)-exported --data '$(DATA)/camvid/val:camvid' \
	  --out out/models/$(1) --replace
endef

models: setup-test $(AACHEN)
	$(call train_segmenter,1) --epochs 30 --until 9 --size 352x480 --out out/train/segmenter-1
	$(call train_segmenter,1) --data '$(AACHEN):cityscapes_to_camvid' --scenes 44 --freeze-early \
	  --start out/train/segmenter-1/segmenter.safetensors --epochs 16 --size 320x416 \
	  --learning-rate 1e-3 --out out/train/segmenter-2
	$(call train_segmenter,1) --data '$(AACHEN):cityscapes_to_camvid' --scenes 44 --freeze-early \
	  --start out/train/segmenter-2/segmenter.safetensors --epochs 4 --size 384x512 \
	  --scales 0.9,2.1 --learning-rate 4e-4 --out out/train/segmenter-3
	$(call bundle,camvid_deeplabv3plus,out/train/segmenter-3,20,,--size 576x768)

# A SegFormer-B0 that learns from the segmenter of `make models`, and its bundle. Its own fit took
# ten minutes on an H200 and takes most of a day on two cores. Resumes.
TEACHER ?= out/train/segmenter-3/segmenter.safetensors

segformer: setup-test $(AACHEN) $(RENDERED)
	$(call train_segmenter,8) --architecture segformer_b0 --teacher '$(TEACHER)' \
	  --data '$(AACHEN):cityscapes_to_camvid:16' --scenes 44 \
	  --unlabelled '$(DATA)/stream/solidWhiteRight.mp4' \
	  --size 384x512 --input-size 480x640 --scales 0.8,2.2 --batch-size 16 --encoder-rate 1 \
	  --learning-rate 1.2e-3 --hint 1 --average-steps 1000 --epochs 36 --validate-every 4 \
	  --out out/train/segformer
	$(call bundle,camvid_segformer_b0,out/train/segformer,100,$(PASTED) --repaint)

# A bundle of the ESPNetv2 that the data folder has Cityscapes weights of; stays out of the package.
espnetv2: setup-test $(AACHEN) $(RENDERED)
	$(BIN)/python test/tools/build_espnet_onnx.py '$(DATA)' out/train/espnet
	$(BIN)/flowenedet train --segmenter out/train/espnet/espnetv2_s2.0.yaml \
	  --data '$(DATA)/camvid/train:camvid_to_cityscapes' --data '$(AACHEN):cityscapes:200' \
	  --unlabelled '$(DATA)/stream/solidWhiteRight.mp4' \
	  --validation '$(DATA)/camvid/val:camvid_to_cityscapes:5' \
	  --outliers '$(DATA)/objects_coco' $(PASTED) --repaint \
	  --variants flowenedet,fed_u,fed_c --steps 6000 --out out/train/espnet-detectors
	$(BIN)/flowenedet export --segmenter out/train/espnet/espnetv2_s2.0.yaml \
	  --detectors out/train/espnet-detectors/flow.safetensors \
	  --images '$(DATA)/cityscapes/images' --name espnetv2_cityscapes \
	  --out out/train/espnet-exported --replace
	$(BIN)/flowenedet calibrate --model out/train/espnet-exported \
	  --data '$(DATA)/camvid/val:camvid_to_cityscapes' --out out/models/espnetv2_cityscapes --replace

clean:
	rm -rf $(VENV) build install log out
