"""The facts of the backbones that FaceBone knows but does not ship."""

from __future__ import annotations

from dataclasses import dataclass

from facebone.backbones.base import BackboneSpec

ARCFACE_112 = "arcface-112x112"
DLIB_150 = "dlib-150x150"

_MOBILEFACENETS = (
    "Chen et al., MobileFaceNets: Efficient CNNs for Accurate Real-Time Face Verification on "
    "Mobile Devices, 2018"
)
_ARCFACE = "Deng et al., ArcFace: Additive Angular Margin Loss for Deep Face Recognition, 2019"

# ImageNet's statistics, stated for values in 0..1.
_IMAGENET_MEAN = (0.485 * 255, 0.456 * 255, 0.406 * 255)
_IMAGENET_STD = (0.229 * 255, 0.224 * 255, 0.225 * 255)


def _mobilefacenet_a(name: str, runtime: str, filename: str, sha256: str) -> BackboneSpec:
    return BackboneSpec(
        name=name,
        architecture="mobilefacenet",
        runtime=runtime,
        input_size=(112, 112),
        dimension=128,
        template=ARCFACE_112,
        mean=_IMAGENET_MEAN,
        std=_IMAGENET_STD,
        licence="Apache-2.0",
        commercial=True,
        source="foamliu/MobileFaceNet on GitHub",
        paper=_MOBILEFACENETS,
        sha256=sha256,
        filename=filename,
        training_data="MS-Celeb-1M, refined",
    )


ASSET_SPECS = (
    _mobilefacenet_a(
        "mobilefacenet_ms1m_a",
        "onnx",
        "mobilefacenet_ms1m_a.onnx",
        "19788ce481f1b004cbe9a8494cdcacbc1e434e28a106d32f0cc9ad1a04b19c20",
    ),
    _mobilefacenet_a(
        "mobilefacenet_ms1m_a_torch",
        "torch",
        "mobilefacenet_ms1m_a.pt",
        "90a00ba1d8b0b688af3deb731ed53dca582e6106805d1bc3cfdef55f570493f4",
    ),
    BackboneSpec(
        name="mobilefacenet_ms1m_b",
        architecture="mobilefacenet-prelu",
        runtime="onnx",
        input_size=(112, 112),
        dimension=128,
        template=ARCFACE_112,
        source="liguiyuan/mobilefacenet-ncnn on GitHub, after InsightFace",
        paper=_MOBILEFACENETS,
        sha256="ef4aefb65e606833b6aeea66b36ee4a1ff2862e23322cac3f6997dad2815aa9d",
        filename="mobilefacenet_ms1m_b.onnx",
        training_data="MS-Celeb-1M",
    ),
)
"""Files in the folder ``weights`` of FACEBONE_ASSETS."""

DLIB_SPEC = BackboneSpec(
    name="dlib",
    architecture="dlib-resnet-29",
    runtime="dlib",
    input_size=(150, 150),
    dimension=128,
    template=DLIB_150,
    licence="CC0-1.0",
    commercial=True,
    source="Davis King, dlib-models; packaged as face_recognition_models",
    paper="King, Dlib-ml: A Machine Learning Toolkit, 2009",
    sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    filename="dlib_face_recognition_resnet_model_v1.dat",
    training_data="3 million faces: FaceScrub, VGG Face and pictures from the web",
    detector="dlib",
)
"""In the package index, behind the extra ``dlib``."""


def _iresnet(architecture: str, digits: str) -> BackboneSpec:
    filename = f"{architecture}-{digits}.pth"
    return BackboneSpec(
        name=f"{architecture}-{digits}",
        architecture=architecture,
        runtime="torch",
        input_size=(112, 112),
        dimension=512,
        template=ARCFACE_112,
        # The publisher's read-me prepares values in 0..1 by mean 0.5 and deviation 0.5 * 256 / 255:
        # on 0..255 that is (value - 127.5) / 128, as the network was trained.
        mean=(127.5, 127.5, 127.5),
        std=(128.0, 128.0, 128.0),
        licence="InsightFace model zoo: non-commercial research purposes only",
        commercial=False,
        source="nizhib/pytorch-insightface on GitHub, converted from InsightFace's model zoo",
        paper=_ARCFACE,
        sha256=digits,
        filename=filename,
        url=f"https://sota.nizhib.ai/insightface/{filename}",
        training_data="MS-Celeb-1M, refined by InsightFace",
    )


PUBLISHED_SPECS = (
    _iresnet("iresnet34", "5b0d0e90"),
    _iresnet("iresnet50", "7f187506"),
    _iresnet("iresnet100", "73e07ba7"),
)
"""To be had with ``facebone backbones pull``; the names carry 8 hex digits of the sha256."""


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A file that `pull` can get and that is no backbone; facts as in `BackboneSpec`."""

    name: str
    filename: str
    url: str
    sha256: str
    licence: str
    commercial: bool | None
    source: str


YUNET_FILE = PublishedFile(
    name="yunet",
    filename="face_detection_yunet_2023mar.onnx",
    url="https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models/"
    "face_detection_yunet/face_detection_yunet_2023mar.onnx",
    # As the repository's large-file pointer states it.
    sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
    licence="MIT",
    commercial=True,
    source="OpenCV Zoo, after ShiqiYu/libfacedetection.train",
)
"""The face detector YuNet."""
