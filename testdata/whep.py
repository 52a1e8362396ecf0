#!/usr/bin/env python3
"""whep.py URL [N] - views URL by WHEP with GStreamer's webrtcbin; exit status 0 when N (50)
pictures and as many pieces of sound, if the answer has any, were decoded. Needs
gstreamer1.0-plugins-bad and gstreamer1.0-nice. libnice never uses loopback addresses:
the gateway has to have another one."""
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

Gst.init(None)
url, want = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 50
loop, began = GLib.MainLoop(), time.time()
decoded = {"video": 0, "audio": 0}
wanted = {}
session = ""

pipeline = Gst.Pipeline.new("viewer")
peer = Gst.ElementFactory.make("webrtcbin", "peer")
peer.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
pipeline.add(peer)
for caps in (
    "application/x-rtp,media=video,encoding-name=H264,payload=96,clock-rate=90000,"
    "packetization-mode=(string)1,profile-level-id=(string)42e01f",
    "application/x-rtp,media=audio,encoding-name=OPUS,payload=97,clock-rate=48000,encoding-params=(string)2",
):
    peer.emit("add-transceiver", GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY, Gst.Caps.from_string(caps))


def decode(_, pad):
    kind = pad.get_current_caps().get_structure(0).get_string("media")
    decoder = "rtph264depay ! h264parse ! avdec_h264" if kind == "video" else "rtpopusdepay ! opusdec"
    part = Gst.parse_bin_from_description(decoder + " ! fakesink name=out signal-handoffs=true sync=false", True)

    def count(*_):
        decoded[kind] += 1
        if all(decoded[k] >= want for k in wanted):
            loop.quit()

    part.get_by_name("out").connect("handoff", count)
    pipeline.add(part)
    part.sync_state_with_parent()
    pad.link(part.get_static_pad("sink"))


def post():
    global session
    if peer.get_property("ice-gathering-state") != GstWebRTC.WebRTCICEGatheringState.COMPLETE or session:
        return False
    offer = peer.get_property("local-description").sdp.as_text()
    request = urllib.request.Request(url, offer.encode(), {"Content-Type": "application/sdp"})
    try:
        response = urllib.request.urlopen(request, timeout=10)
    except urllib.error.HTTPError as refused:
        print("refused", refused.code, refused.read().decode())
        loop.quit()
        return False
    with response:
        session, answer = response.headers["Location"], response.read()
        print("answer", response.status, "candidates", answer.count(b"a=candidate"))
    _, sdp = GstSdp.SDPMessage.new()
    GstSdp.sdp_message_parse_buffer(answer, sdp)
    for n in range(sdp.medias_len()):
        media = sdp.get_media(n)
        inactive = any(media.get_attribute(i).key == "inactive" for i in range(media.attributes_len()))
        if media.get_port() != 0 and not inactive:
            wanted[media.get_media()] = True
    peer.emit("set-remote-description", GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, sdp), None)
    return False


def offered(promise, *_):
    promise.wait()
    reply = promise.get_reply()  # it owns the offer
    peer.emit("set-local-description", reply.get_value("offer"), Gst.Promise.new())


peer.connect("pad-added", decode)
peer.connect("notify::ice-gathering-state", lambda *_: GLib.idle_add(post))
peer.connect("on-negotiation-needed", lambda *_: peer.emit("create-offer", None, Gst.Promise.new_with_change_func(offered)))
GLib.timeout_add_seconds(20, loop.quit)
pipeline.set_state(Gst.State.PLAYING)
loop.run()
print("decoded", decoded, "in %.1f s" % (time.time() - began))
pipeline.set_state(Gst.State.NULL)
gone = 0
if session:
    request = urllib.request.Request(urllib.parse.urljoin(url, session), method="DELETE")
    with urllib.request.urlopen(request, timeout=10) as response:
        gone = response.status
print("deleted", gone)
sys.exit(0 if wanted and gone == 200 and all(decoded[k] >= want for k in wanted) else 1)
