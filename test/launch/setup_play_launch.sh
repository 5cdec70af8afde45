#!/bin/bash
# Install play_launch, an implementation of the launch API of its own, for the launch tests:
#   test/launch/setup_play_launch.sh FOLDER && FLOWENEDET_PLAY_LAUNCH=FOLDER/play_launch make test
# It is built for ROS 2 Humble: it wants libpython3.10 (LIBPYTHON310: its folder) and one library of
# composable nodes that no package index has, of which it uses nothing here.
set -euo pipefail
folder=$(realpath -m "$1")
ros=${VIRTUAL_ENV:-$(realpath "$(dirname "$0")/../../.venv")}
python310=${LIBPYTHON310:-$(dirname "$(find / -name 'libpython3.10.so.1.0' -not -path '/proc/*' -print -quit 2>/dev/null)")}
mkdir -p "$folder/lib"
"$ros/bin/python" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --no-deps play-launch==0.16.0

cat > "$folder/stub.c" <<'C'
#define TYPE(name) void *rosidl_typesupport_c__get_service_type_support_handle__composition_interfaces__srv__##name(void) { return 0; }
#define INIT(name) _Bool composition_interfaces__srv__##name##__init(void *message) { return 0; }
TYPE(ListNodes) TYPE(LoadNode) TYPE(UnloadNode)
INIT(ListNodes_Request) INIT(ListNodes_Response) INIT(LoadNode_Response) INIT(UnloadNode_Response)
C
for kind in typesupport generator; do
  name=libcomposition_interfaces__rosidl_${kind}_c.so
  gcc -shared -fPIC "-Wl,-soname,$name" -o "$folder/lib/$name" "$folder/stub.c"
done

package=$(echo "$folder"/venv/lib/python3*/site-packages/play_launch)
site=$(echo "$ros"/lib/python3*/site-packages)
cat > "$folder/play_launch" <<SH
#!/bin/bash
unset _ROS_WHEELS_BOOTSTRAP_COMPLETE
export AMENT_PREFIX_PATH=$package:\$AMENT_PREFIX_PATH PYTHONPATH=$site
export LD_LIBRARY_PATH=$package/lib:$folder/lib:$ros/lib:$(ls -d "$site"/ros_*.libs | tr '\n' ':')$python310
exec $package/bin/play_launch "\$@"
SH
chmod +x "$folder/play_launch"
