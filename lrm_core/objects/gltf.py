"""glTF files for trimesh: what it would drop is worked into plain arrays first; what cannot be is refused by name.

trimesh reads the file. It calls `_plain` for each primitive, through its registry of extensions, since each is given
one of our own; there the arrays of the primitive are replaced before trimesh makes a mesh of them.
"""

import base64
import json
import struct
from copy import deepcopy
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from trimesh.exchange.gltf.extensions import register_handler

from lrm_core.objects import gltf_arrays
from lrm_core.objects.companions import JSON_CHUNK, Companions, Refused, open_gltf
from lrm_core.objects.gltf_arrays import DRACO, FAN, STRIP, TRANSFORM, TRIANGLES, Arrays, Tree

PLAIN = "LRM_plain"
INSTANCES = "EXT_mesh_gpu_instancing"
GLOSSY, STRENGTH = "KHR_materials_pbrSpecularGlossiness", "KHR_materials_emissive_strength"
MESHOPT = ("EXT_meshopt_compression", "KHR_meshopt_compression")
READ = {DRACO, INSTANCES, TRANSFORM, *MESHOPT, "KHR_mesh_quantization", "EXT_texture_webp"}
# what is not in the base colour
UNSEEN = ("KHR_materials_", "KHR_lights_", "EXT_lights_", "KHR_animation_", "KHR_xmp")
TEXTURES = {"baseColorTexture": "diffuseTexture", "emissiveTexture": None}  # and their names where glossy

_open: dict[int, "_File"] = {}


def load_gltf(path: Path, companions: Companions) -> trimesh.Scene:
    """Scene of a .glb or .gltf file in its default pose, with float attributes and triangles only.

    Each skinned or instanced mesh waits for `posed`. Emission is left to who reads the materials, and faults of the
    companions, which find buffers and pictures, to who called. Refused, naming it, for a
    feature or a texture that cannot be read; else whatever broken bytes lead to.
    """
    file = _File(path, companions)
    _open[id(file)] = file
    try:
        scene = trimesh.load_scene(BytesIO(file.packed()), file_type="glb", resolver=companions, process=False)
    except Exception as error:
        raise file.fault or error from error
    finally:
        del _open[id(file)]
    if file.fault:
        raise file.fault
    for geometry in scene.geometry.values():
        file.check_textures(getattr(geometry.visual, "material", None))
    return scene


@register_handler(PLAIN, scope="primitive_preprocess")
def _plain(context: dict[str, Any]) -> None:
    """Called by trimesh, which passes over what is raised."""
    file = _open[context["data"]["file"]]
    try:
        file.make_plain(context["primitive"], context["data"], context["accessors"], context["views"])
    except Exception as error:
        file.fault = file.fault or error


class _File:
    """One file on its way to trimesh: its JSON, changed, and the first fault that `_plain` met."""

    def __init__(self, path: Path, companions: Companions) -> None:
        self.tree, self._chunks = open_gltf(path)
        self._companions, self.fault = companions, None
        needed = self.tree.get("extensionsRequired", [])
        unknown = [name for name in needed if name not in READ and not name.startswith(UNSEEN)]
        if unknown:
            raise Refused(f"needs the glTF extension {', '.join(unknown)}, which is not read; export without")
        self._decompress()
        gltf_arrays.dense_accessors(self.tree.get("accessors", []))
        self._prepare_nodes()
        self._materials = list(map(self._prepare_material, range(len(self.tree.get("materials", [])))))
        self._drop_undrawn_images()

    def packed(self) -> bytes:
        """The file as a GLB for trimesh."""
        text = json.dumps(self.tree).encode()
        length = 20 + len(text) + len(self._chunks)
        return struct.pack("<4s4I", b"glTF", 2, length, len(text), JSON_CHUNK) + text + self._chunks

    def _buffer(self, index: int) -> bytes:
        uri = self.tree["buffers"][index].get("uri")
        if uri is None:
            return self._chunks[8 : 8 + struct.unpack_from("<I", self._chunks)[0]]
        if uri.startswith("data:"):
            return base64.b64decode(uri.split("base64,", 1)[1])
        return self._companions[uri]

    def _decompress(self) -> None:
        """Undo meshopt: all views in one buffer."""
        views = self.tree.get("bufferViews", [])
        if not any(name in view.get("extensions", {}) for view in views for name in MESHOPT):
            return
        from meshopt import decode_gltf_buffer

        buffer, whole = cache(self._buffer), bytearray()
        for view in views:
            packed = next((view["extensions"][n] for n in MESHOPT if n in view.get("extensions", {})), None)
            place = packed or view
            start = place.get("byteOffset", 0)
            content = buffer(place["buffer"])[start : start + place["byteLength"]]
            if packed:
                if packed["count"] * packed["byteStride"] != view["byteLength"]:
                    raise Refused("its meshopt data do not have the length that it says")
                kind = packed["mode"], packed.get("filter")
                content = decode_gltf_buffer(content, packed["count"], packed["byteStride"], *kind).tobytes()
            view |= {"buffer": 0, "byteOffset": len(whole), "byteLength": len(content)}
            whole += content + bytes(-len(content) % 4)
        self.tree["buffers"] = [{"byteLength": len(whole)}]
        self._chunks = struct.pack("<I4s", len(whole), b"BIN\0") + bytes(whole)

    def _prepare_nodes(self) -> None:
        """Names by index, no cameras, a scene, and what `_plain` is to know of each primitive."""
        nodes, meshes = self.tree.get("nodes", []), self.tree.setdefault("meshes", [])
        for mesh in meshes:
            for primitive in mesh["primitives"]:
                extensions = primitive.setdefault("extensions", {})
                draco = extensions.pop(DRACO, None)
                extensions[PLAIN] = {"file": id(self), "draco": draco, "weights": mesh.get("weights", [])}
        for index, node in enumerate(nodes):
            node["name"] = str(index)
            node.pop("camera", None)
            extensions = node.get("extensions", {})
            if extensions.get("KHR_node_visibility", {}).get("visible") is False:
                raise Refused("hides parts by KHR_node_visibility, which is not read; export without them")
            special = {key: node[key] for key in ("weights", "skin") if key in node}
            if "mesh" in node and (special or INSTANCES in extensions):
                special["instances"] = extensions.get(INSTANCES, {}).get("attributes")
                meshes.append(deepcopy(meshes[node["mesh"]]))
                for primitive in meshes[-1]["primitives"]:
                    primitive["extensions"][PLAIN] |= special
                node["mesh"] = len(meshes) - 1
        if not self.tree.get("scenes"):
            below = {child for node in nodes for child in node.get("children", [])}
            self.tree["scenes"] = [{"nodes": [index for index in range(len(nodes)) if index not in below]}]
            self.tree.pop("scene", None)

    def _prepare_material(self, index: int) -> dict[str, Tree]:
        """Name a material by its index, and say where its drawn textures lie; its emission gets its strength."""
        material = self.tree["materials"][index]
        extensions = material.get("extensions", {})
        material["name"] = str(index)
        base = {**material, **material.get("pbrMetallicRoughness", {}), **extensions.get(GLOSSY, {})}
        strength = extensions.get(STRENGTH, {}).get("emissiveStrength", 1)
        material["emissiveFactor"] = [strength * x for x in material.get("emissiveFactor", [0, 0, 0])]
        if not any(material["emissiveFactor"]):
            base.pop("emissiveTexture", None)
            material.pop("emissiveTexture", None)
        names = [glossy if GLOSSY in extensions and glossy else name for name, glossy in TEXTURES.items()]
        drawn = {name: base[found] for name, found in zip(TEXTURES, names, strict=True) if found in base}
        if len({json.dumps(gltf_arrays.coordinates(info), sort_keys=True) for info in drawn.values()}) > 1:
            raise Refused(f"material {index} has its emission on other coordinates than its colour: not read")
        return drawn

    def _drop_undrawn_images(self) -> None:
        """Pictures that nothing visible is taken from need not be there, nor be read."""
        textures, images = self.tree.get("textures", []), self.tree.get("images", [])
        glossy = [m.get("extensions", {}).get(GLOSSY, {}) for m in self.tree.get("materials", [])]
        shown = [info for drawn in self._materials for info in drawn.values()]
        shown += [m["specularGlossinessTexture"] for m in glossy if "specularGlossinessTexture" in m]
        used = set()
        for texture in (textures[info["index"]] for info in shown):
            used |= {part.get("source") for part in (texture, *texture.get("extensions", {}).values())}
        for index in set(range(len(images))) - used:
            images[index] = {}

    def check_textures(self, material: trimesh.visual.material.Material | None) -> None:
        """Refuse a material of which a drawn texture was not read."""
        if not getattr(material, "name", None):
            return
        for name, info in self._materials[int(material.name)].items():
            if getattr(material, name, None) is None:
                texture = self.tree["textures"][info["index"]]
                image = self.tree["images"][texture["source"]] if "source" in texture else {}
                kind = [*texture.get("extensions", {}), image.get("uri", "")[:80] or image.get("mimeType", "")]
                what = f"the {name} of material {material.name} ({', '.join(filter(None, kind))})"
                raise Refused(f"{what} is missing or of a kind that is not read; PNG, JPEG and WebP are")

    def make_plain(self, primitive: Tree, data: Tree, arrays: list[np.ndarray], views: list[bytes]) -> None:
        """Give a primitive float attributes, morphed, in triangles; arrays that it shares stay as they are."""
        if data["draco"]:
            gltf_arrays.undo_draco(primitive, data["draco"], arrays, views)
        accessors, attributes = self.tree["accessors"], primitive["attributes"]
        packed = data["draco"]["attributes"] if data["draco"] else {}
        unread = attributes.keys() - packed.keys()
        if empty := [n for n in unread if not accessors[attributes[n]].keys() & {"bufferView", "sparse"}]:
            raise Refused(f"its {', '.join(empty)} has no data; an extension that is not read may hold them")
        plain = Arrays(accessors, arrays)
        for name, index in attributes.items():
            attributes[name] = plain.put(plain.attribute(name, index), index)
        for target, weight in zip(primitive.get("targets", []), data["weights"], strict=False):
            for name in target.keys() & attributes.keys() if weight else ():
                moved = arrays[attributes[name]] + weight * plain.attribute(name, target[name])
                attributes[name] = plain.put(moved)
        if (mode := primitive.get("mode", TRIANGLES)) in (STRIP, FAN, TRIANGLES):
            count = len(arrays[attributes["POSITION"]])
            indices = plain.values(primitive["indices"]) if "indices" in primitive else np.arange(count)
            primitive |= {"indices": plain.put(gltf_arrays.triangles(indices.reshape(-1), mode)), "mode": TRIANGLES}
        drawn = self._materials[primitive["material"]] if "material" in primitive else {}
        for info in list(drawn.values())[:1]:
            gltf_arrays.place_texture(attributes, info, plain)
        if "skin" in data:
            gltf_arrays.add_skin(attributes, self.tree["skins"][data["skin"]], plain)
        elif data.get("instances"):
            gltf_arrays.add_places(attributes, data["instances"], plain)
