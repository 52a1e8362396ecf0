#!/usr/bin/python3
"""A camera for tests: GStreamer's RTSP server, which shares no code with camgate.

  gstcam.py PORT [--address ADDRESS] [--multicast] [--user NAME:PASSWORD]
            [--auth digest|basic] [--cert FILE --key FILE] [--backchannel FILE]

It listens on 127.0.0.1 or ADDRESS, prints "ready PORT" and serves

  /h264  H264 and Opus     /h265  H265          /mjpeg  Motion JPEG
  /pcma  H264 and PCMA     /aac   H264 and AAC  /latm   H264 and AAC as LATM
  /vp8   VP8               /l16   16-bit PCM    /vp9    VP9
  /nosps H264 that names its parameter sets with each keyframe only

All pictures are 320x240 at 25 per second with a keyframe each second. With --multicast
there is nothing but multicast, to 239.5.5.1 and on. With --backchannel it is an ONVIF
server, and /backchannel, H264 and PCMA, takes PCMU, which FILE gets as it comes.
"""
import argparse
import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

VIDEO = "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=25/1 ! videoconvert ! "
H264 = VIDEO + (
    "video/x-raw,format=I420 ! x264enc tune=zerolatency sliced-threads=false speed-preset=ultrafast "
    "key-int-max=25 bitrate=500 ! video/x-h264,profile=baseline ! rtph264pay name=pay0 pt=96 config-interval=%d "
)
AUDIO = "audiotestsrc is-live=true wave=sine ! audio/x-raw,rate=%d,channels=%d ! audioconvert ! "

PATHS = {
    "/h264": H264 % 1 + AUDIO % (48000, 1) + "opusenc ! rtpopuspay name=pay1 pt=97",
    "/nosps": H264 % -1,
    "/h265": VIDEO + "video/x-raw,format=I420 ! x265enc tune=zerolatency speed-preset=ultrafast key-int-max=25 "
    "bitrate=500 ! rtph265pay name=pay0 pt=96 config-interval=1",
    "/mjpeg": VIDEO + "video/x-raw,format=I420 ! jpegenc quality=60 ! rtpjpegpay name=pay0 pt=26",
    "/pcma": H264 % 1 + AUDIO % (8000, 1) + "alawenc ! rtppcmapay name=pay1 pt=8",
    "/aac": H264 % 1 + AUDIO % (44100, 2) + "avenc_aac ! rtpmp4gpay name=pay1 pt=97",
    "/latm": H264 % 1 + AUDIO % (44100, 2) + "avenc_aac ! rtpmp4apay name=pay1 pt=97",
    "/vp8": VIDEO + "vp8enc deadline=1 cpu-used=16 keyframe-max-dist=25 target-bitrate=500000 ! rtpvp8pay name=pay0 pt=96",
    "/vp9": VIDEO + "vp9enc deadline=1 cpu-used=9 keyframe-max-dist=25 target-bitrate=500000 ! rtpvp9pay name=pay0 pt=96",
    "/l16": AUDIO % (44100, 2) + "audio/x-raw,format=S16BE ! rtpL16pay name=pay0 pt=98",
}


BACKCHANNEL = (
    '( capsfilter caps="application/x-rtp,media=audio,payload=0,clock-rate=8000,encoding-name=PCMU" '
    "name=depay_backchannel ! rtppcmudepay ! filesink location=%s buffer-mode=2 sync=false async=false )"
)


def authorization(args):
    """Who may look: one user, or everybody, by the server's roles."""
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    if args.user:
        name, password = args.user.split(":", 1)
        if args.auth == "digest":
            auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
            auth.add_digest(name, password, token)
        else:
            auth.add_basic(GstRtspServer.RTSPAuth.make_basic(name, password), token)
    else:
        auth.set_default_token(token)
    if args.cert:
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_files(args.cert, args.key))
    return auth


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--multicast", action="store_true")
    parser.add_argument("--user", help="NAME:PASSWORD")
    parser.add_argument("--auth", choices=("digest", "basic"), default="digest")
    parser.add_argument("--cert", help="PEM file, for rtsps")
    parser.add_argument("--key", help="PEM file, for rtsps")
    parser.add_argument("--backchannel", help="FILE for what is said")
    args = parser.parse_args()

    Gst.init(None)
    server = GstRtspServer.RTSPOnvifServer() if args.backchannel else GstRtspServer.RTSPServer()
    server.set_address(args.address)
    server.set_service(args.port)
    protected = bool(args.user or args.cert)
    if protected:
        server.set_auth(authorization(args))
    pool = GstRtspServer.RTSPAddressPool()
    pool.add_range("239.5.5.1", "239.5.5.50", 5000, 5100, 1)
    mounts = server.get_mount_points()
    for path, pipeline in PATHS.items():
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch("( " + pipeline + " )")
        # Each client has a pipeline of its own: where two share one and begin in the same
        # moment, GStreamer 1.22 now and then sends them no sound, hangs, or aborts.
        factory.set_shared(args.multicast)
        if args.multicast:
            factory.set_protocols(GstRtsp.RTSPLowerTrans.UDP_MCAST)
            factory.set_address_pool(pool)
        if protected:
            role = "user,media.factory.access=(bool)true,media.factory.construct=(bool)true"
            factory.add_role_from_structure(Gst.Structure.new_from_string(role))
        mounts.add_factory(path, factory)
    if args.backchannel:
        factory = GstRtspServer.RTSPOnvifMediaFactory()
        factory.set_launch("( " + PATHS["/pcma"] + " )")
        factory.set_backchannel_launch(BACKCHANNEL % args.backchannel)
        factory.set_media_gtype(GstRtspServer.RTSPOnvifMedia.__gtype__)
        mounts.add_factory("/backchannel", factory)
    if server.attach(None) == 0:
        raise SystemExit("cannot listen on port " + args.port)
    print("ready", args.port, flush=True)
    GLib.MainLoop().run()


main()
