"""Views of one mesh by Cycles: a script for an interpreter that has Blender's module `bpy`.

    python -I blender_scene.py JOB
    blender -b --python blender_scene.py -- JOB

`blender.py` writes JOB and starts it. JOB is a JSON file with these keys:

    mesh             file to show
    poses            camera-to-world, Blender axes, world units, (V, 3, 4)
    intrinsics       [[fx, fy], [cx, cy], [width, height]] in pixels, with fx = fy
    radius           of the bounding sphere about the origin that the mesh is fitted into, in world units
    seeds            of each view's samples, (V,)
    samples, gpu     rays per pixel; whether to render on a GPU
    light, sun, sky  direction towards the sun (3,), its irradiance, the radiance of the sky (the same all around)

The views go beside JOB: 000.png, 001.png, ..., straight RGBA of 8 bits a channel. Nothing of the project is
imported, whose packages that interpreter need not have.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np

NO_BLENDER = 77  # exit code
TRANSPARENT_LAYERS = 16
BOUNCES = 4
SUN_ANGLE = 0.2  # radians across; shadows have soft edges
SENSOR = 36.0  # millimetres; Blender has no lens below 1 mm
GPU_KINDS = ("OPTIX", "CUDA", "HIP", "METAL", "ONEAPI")

try:
    import bpy
    from mathutils import Matrix, Vector
except ImportError as error:
    print(error, file=sys.stderr)
    sys.exit(NO_BLENDER)


def main(job: dict, out: Path) -> None:
    """Render every view of a job into a folder."""
    parent = os.getppid()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    read(Path(job["mesh"]))
    normalise(scene, job["radius"])
    colour_bare_meshes()
    add_light(scene, job["light"], job["sun"], job["sky"])
    set_renderer(scene, job)
    camera = add_camera(scene, np.array(job["intrinsics"]))
    for index, (pose, seed) in enumerate(zip(job["poses"], job["seeds"], strict=True)):
        if os.getppid() != parent:
            sys.exit("the process that asked for the views has ended")
        camera.matrix_world = Matrix([*pose, [0, 0, 0, 1]])
        scene.cycles.seed = seed
        scene.render.filepath = str(out / f"{index:03d}.png")
        bpy.ops.render.render(write_still=True)


def read(mesh: Path) -> None:
    """Import a file as its format says, z up, without its lights, cameras and animations."""
    importers = {
        ".glb": bpy.ops.import_scene.gltf,
        ".gltf": bpy.ops.import_scene.gltf,
        ".fbx": bpy.ops.import_scene.fbx,
        ".obj": bpy.ops.wm.obj_import,
        ".ply": bpy.ops.wm.ply_import,
        ".stl": bpy.ops.wm.stl_import,
    }
    importers[mesh.suffix.lower()](filepath=str(mesh))
    for thing in list(bpy.data.objects):
        thing.animation_data_clear()
        if thing.type in ("LIGHT", "CAMERA"):
            bpy.data.objects.remove(thing)


def normalise(scene: bpy.types.Scene, radius: float) -> None:
    """Centre of the bounding box to the origin, farthest corner of a face at `radius`; as `mesh.load_mesh` does."""
    corners = world_corners()
    if not len(corners):
        raise ValueError("no faces; a surface is needed, not points or curves")
    if not np.isfinite(corners).all():
        raise ValueError("vertices hold NaN or infinity")
    centre = (corners.min(0) + corners.max(0)) / 2
    farthest = np.linalg.norm(corners - centre, axis=1).max()
    if farthest == 0:
        raise ValueError("no faces with an area; the mesh has collapsed")
    scale = radius / farthest
    root = bpy.data.objects.new("root", None)
    scene.collection.objects.link(root)
    root.matrix_world = Matrix.Translation(Vector(-scale * centre)) @ Matrix.Scale(scale, 4)
    for thing in scene.objects:
        if thing.parent is None and thing is not root:
            thing.parent = root
    bpy.context.view_layer.update()


def world_corners() -> np.ndarray:
    """World coordinates (n, 3) of the corners of all faces in the scene, those of instances too."""
    corners = [np.empty((0, 3))]
    for instance in bpy.context.evaluated_depsgraph_get().object_instances:
        if instance.object.type != "MESH":
            continue
        mesh = instance.object.data
        points = np.empty(3 * len(mesh.vertices), dtype=np.float32)
        used = np.empty(len(mesh.loops), dtype=np.int32)
        mesh.vertices.foreach_get("co", points)
        mesh.loops.foreach_get("vertex_index", used)
        placed = np.array(instance.matrix_world)
        corners.append(points.reshape(-1, 3)[np.unique(used)] @ placed[:3, :3].T + placed[:3, 3])
    return np.concatenate(corners)


def colour_bare_meshes() -> None:
    """Meshes without a material are matt, in the colours of their vertices or white where they have none."""
    for mesh in bpy.data.meshes:
        if any(mesh.materials):
            continue
        material = bpy.data.materials.new("bare")
        material.use_nodes = True
        nodes, links = material.node_tree.nodes, material.node_tree.links
        inputs = nodes["Principled BSDF"].inputs
        inputs["Base Color"].default_value = (1, 1, 1, 1)
        inputs["Roughness"].default_value, inputs["Specular IOR Level"].default_value = 1.0, 0.0
        if mesh.color_attributes:
            attribute = nodes.new("ShaderNodeVertexColor")
            attribute.layer_name = mesh.color_attributes[0].name
            links.new(attribute.outputs["Color"], inputs["Base Color"])
        mesh.materials.clear()
        mesh.materials.append(material)


def add_light(scene: bpy.types.Scene, direction: list[float], sun: float, sky: float) -> None:
    """One sun and a white sky; both are fixed in the world."""
    data = bpy.data.lights.new("sun", "SUN")
    data.energy, data.angle = sun, SUN_ANGLE
    light = bpy.data.objects.new("sun", data)
    light.rotation_mode = "QUATERNION"
    light.rotation_quaternion = Vector(direction).to_track_quat("Z", "Y")
    scene.collection.objects.link(light)
    scene.world = bpy.data.worlds.new("sky")
    scene.world.use_nodes = True
    background = scene.world.node_tree.nodes["Background"]
    background.inputs["Color"].default_value = (1, 1, 1, 1)
    background.inputs["Strength"].default_value = sky


def add_camera(scene: bpy.types.Scene, intrinsics: np.ndarray) -> bpy.types.Object:
    """A pinhole camera; pixel (0, 0) is centred at (0.5, 0.5)."""
    (focal, _), (cx, cy), (width, height) = intrinsics
    data = bpy.data.cameras.new("camera")
    data.sensor_fit, data.sensor_width = "HORIZONTAL", SENSOR
    data.lens = SENSOR * focal / width
    data.shift_x, data.shift_y = (width / 2 - cx) / width, (cy - height / 2) / width
    data.clip_start, data.clip_end = 0.01, 100.0  # world units
    camera = bpy.data.objects.new("camera", data)
    scene.collection.objects.link(camera)
    scene.camera = camera
    scene.render.resolution_x, scene.render.resolution_y = int(width), int(height)
    return camera


def set_renderer(scene: bpy.types.Scene, job: dict) -> None:
    """Cycles with box-filtered pixels, display-referred sRGB without a film look, and no denoiser."""
    scene.render.engine = "CYCLES"
    cycles, render = scene.cycles, scene.render
    cycles.samples, cycles.use_adaptive_sampling, cycles.use_denoising = job["samples"], False, False
    cycles.pixel_filter_type = "BOX"
    cycles.max_bounces, cycles.transparent_max_bounces = BOUNCES, TRANSPARENT_LAYERS
    if job["gpu"]:
        use_gpu(cycles)
    render.resolution_percentage, render.use_persistent_data = 100, True
    render.film_transparent, render.dither_intensity = True, 0.0
    render.image_settings.file_format = "PNG"
    render.image_settings.color_mode, render.image_settings.color_depth = "RGBA", "8"
    scene.display_settings.display_device = "sRGB"
    scene.view_settings.view_transform, scene.view_settings.look = "Standard", "None"


def use_gpu(cycles: bpy.types.PropertyGroup) -> None:
    """Render on every GPU of the first kind that Cycles finds."""
    preferences = bpy.context.preferences.addons["cycles"].preferences
    for kind in GPU_KINDS:
        try:
            found = preferences.get_devices_for_type(kind)
            preferences.compute_device_type = kind
        except (TypeError, ValueError):  # a kind that this build of Blender does not know
            continue
        if found:
            for device in found:
                device.use = device.type == kind
            cycles.device = "GPU"
            return
    raise ValueError("Cycles finds no GPU; render with --device cpu")


if __name__ == "__main__":
    file = Path(sys.argv[-1]).resolve()
    main(json.loads(file.read_text(encoding="utf-8")), file.parent)
