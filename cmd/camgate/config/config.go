// Package config reads the configuration of a gateway: a YAML file, the
// environment, and the defaults that the tags of Config name. It reports all that
// is wrong at once, each with its place and the way out, and never a secret.
package config

import "time"

// The tags of the fields are the one place for what they say: "yaml" the key,
// "default" the value without it, "enum" the values there are. The comments are
// the descriptions in the JSON Schema, and so for people who write a config.

// Config is all that can be set.
type Config struct {
	// Serve other machines without users: anybody who reaches the gateway may watch and publish everything.
	AllowAnonymous bool `yaml:"allow_anonymous"`

	// Folder for what the gateway remembers, as the certificates of trust_on_first_use. "" is $STATE_DIRECTORY, else $XDG_STATE_HOME/camgate, else ~/.local/state/camgate.
	StateDir string `yaml:"state_dir"`

	Log    Log    `yaml:"log"`
	HTTP   HTTP   `yaml:"http"`
	RTSP   RTSP   `yaml:"rtsp"`
	WebRTC WebRTC `yaml:"webrtc"`
	HLS    HLS    `yaml:"hls"`
	MJPEG  MJPEG  `yaml:"mjpeg"`
	Limits Limits `yaml:"limits"`

	// Who may do what. Without users the gateway serves this machine only.
	Users []User `yaml:"users"`
	// The streams by name: letters, digits and _ - . / (such as front-door or live/front).
	Streams map[string]*Stream `yaml:"streams"`

	// Where the file was, so that what it names is found beside it; empty: no file.
	dir string
	// Where the state is without state_dir.
	stateDir string
	at       places
}

// Log is what the gateway says on standard error.
type Log struct {
	// How much: debug, info, warn or error.
	Level string `yaml:"level" default:"info" enum:"debug,info,warn,error"`
	// How: text for people, json for machines.
	Format string `yaml:"format" default:"text" enum:"text,json"`
}

// HTTP is the port of pages, API, WebRTC signalling, HLS and MJPEG.
type HTTP struct {
	// Listening address (TCP). Without a host it means all addresses of this machine; loopback when there are no users.
	Address string `yaml:"address" default:":8889"`
	// Pages of other hosts that may show the streams ("https://home.example"); "*" is all. Default: all when there are users.
	AllowOrigins []string `yaml:"allow_origins"`
	// Requests at a time.
	MaxRequests int `yaml:"max_requests" default:"10000" min:"1"`
	// Answer at the addresses of other programs too (mjpg-streamer, camera-streamer, go2rtc), where no stream has the name.
	DropIns bool `yaml:"drop_ins" default:"true"`
	// The stream that is meant by those of them that have no name, as /?action=stream; "" is the only stream there is.
	DefaultStream string `yaml:"default_stream"`
}

// RTSP is the RTSP server.
type RTSP struct {
	// Listening address of RTSP (TCP); "" switches RTSP and RTSPS off.
	Address string `yaml:"address" default:":8554"`
	// Listening address of RTSPS (TCP), used when there is a certificate; "" switches RTSPS off.
	TLSAddress string `yaml:"tls_address" default:":8322"`
	// File of the certificate (PEM), from the folder of this file.
	TLSCert string `yaml:"tls_cert"`
	// File of its private key (PEM).
	TLSKey string `yaml:"tls_key"`
	// Address for RTP over UDP (an even port); "" switches UDP off.
	RTPAddress string `yaml:"rtp_address" default:":8000"`
	// Address for RTCP over UDP: the port after that of rtp_address.
	RTCPAddress string `yaml:"rtcp_address" default:":8001"`
	// Connections to each of the two TCP ports at a time.
	MaxConnections int `yaml:"max_connections" default:"2000" min:"1"`
}

// WebRTC is the way of media to browsers.
type WebRTC struct {
	// Address for all media (UDP and TCP on one port); "" switches WebRTC off.
	Address string `yaml:"address" default:":8189"`
	// Addresses or names under which viewers elsewhere reach this machine (behind NAT, in a container).
	PublicHosts []string `yaml:"public_hosts"`
	// How often names among them are looked up anew.
	PublicHostsRefresh time.Duration `yaml:"public_hosts_refresh" default:"1m" min:"1s"`
	// STUN and TURN servers that viewers are told to use.
	ICEServers []ICEServer `yaml:"ice_servers"`
	// Viewers whose network does not carry a stream: auto sends them its next smaller profile, where there is one, never does not. A stream may say otherwise.
	Fit string `yaml:"fit" default:"auto" enum:"auto,never"`
	// Viewers by WebRTC at a time, of all streams.
	MaxSessions int `yaml:"max_sessions" default:"1000" min:"1"`
}

// ICEServer is a STUN or TURN server.
type ICEServer struct {
	// Such as stun:stun.example.org:3478 or turn:turn.example.org:3478?transport=tcp.
	URL string `yaml:"url"`
	// User name at a TURN server.
	Username string `yaml:"username"`
	// Password at a TURN server.
	Credential Secret `yaml:"credential"`
	// What the TURN server shares with camgate (coturn: use-auth-secret, static-auth-secret): each viewer
	// gets a name and a password of its own. In place of credential.
	Secret Secret `yaml:"secret"`
	// For how long such a password is good; default 1h.
	TTL time.Duration `yaml:"ttl"`
}

// HLS is Low-Latency HLS.
type HLS struct {
	// Length of a part: the latency is about three of them.
	Part time.Duration `yaml:"part" default:"200ms"`
	// Length of a segment; it cannot be shorter than the distance of two keyframes.
	Segment time.Duration `yaml:"segment" default:"1s"`
	// How long a stream's segments are made on after its last viewer left.
	Warm time.Duration `yaml:"warm" default:"1m"`
}

// MJPEG is pictures one by one, and snapshots.
type MJPEG struct {
	// The ffmpeg that makes JPEG pictures of H264 and H265: a name in PATH or a file.
	FFmpeg string `yaml:"ffmpeg" default:"ffmpeg"`
	// How long it runs on after the last viewer left.
	Idle time.Duration `yaml:"idle" default:"10s"`
	// Quality of these pictures from 1 (smallest) to 100 (best).
	Quality int `yaml:"quality" default:"85" min:"1" max:"100"`
	// The most pictures made in a second.
	FPS int `yaml:"fps" default:"30" min:"1" max:"240"`
	// Streams of which pictures are made at a time: each costs a good part of a core.
	MaxDecoders int `yaml:"max_decoders" default:"16" min:"1"`
	// In how many other sizes, rates and qualities, as viewers ask for in the URL, the pictures of one stream are made at a time.
	MaxRenditions int `yaml:"max_renditions" default:"6" min:"1"`
	// What viewers get whose network does not take all pictures: smaller makes them smaller too (one rendition for all at each of three steps), steady only leaves pictures out. adapt=1 and adapt=0 in the URL choose for one viewer.
	SlowViewers string `yaml:"slow_viewers" default:"smaller" enum:"smaller,steady"`
}

// Limits bound what the gateway takes on.
type Limits struct {
	// Streams at a time.
	Streams int `yaml:"streams" default:"1000" min:"1"`
	// Sources that run at a time; published streams are none.
	Sources int `yaml:"sources" default:"64" min:"1"`
	// Renditions that are encoded at a time: without hardware each costs a good part of a core.
	Encoders int `yaml:"encoders" default:"16" min:"1"`
	// Sound tracks that are made in another codec at a time, as AAC into Opus for browsers: each costs a hundredth of a core or a few.
	Sounds int `yaml:"sounds" default:"64" min:"1"`
	// Viewers of one stream at a time.
	ReadersPerStream int `yaml:"readers_per_stream" default:"1000" min:"1"`
	// How far a viewer may be behind in time before it is taken to the newest keyframe.
	ReaderLag time.Duration `yaml:"reader_lag" default:"3s"`
	// How far a viewer may be behind in bytes before it is taken to the newest keyframe.
	ReaderLagBytes Size `yaml:"reader_lag_bytes" default:"16MiB"`
	// When a viewer that takes nothing at all is sent away.
	ReaderTimeout time.Duration `yaml:"reader_timeout" default:"10s"`
	// When somebody who talks to a camera and says nothing loses its loudspeaker to others.
	TalkSilence time.Duration `yaml:"talk_silence" default:"10s" min:"1s"`
	// How long one may talk to a camera at a time.
	TalkTime time.Duration `yaml:"talk_time" default:"5m" min:"1s"`
	// How much of the current GOP is kept, so that viewers see a picture at once.
	GOPCacheBytes Size `yaml:"gop_cache_bytes" default:"32MiB"`
	// How long a GOP may be to be kept.
	GOPCacheTime time.Duration `yaml:"gop_cache_time" default:"15s"`
}

// User is one account.
type User struct {
	// Name to log in with.
	Name string `yaml:"name"`
	// Password in the clear, which RTSP Digest needs.
	Password Secret `yaml:"password"`
	// In place of a password: its argon2id hash, as "camgate user add NAME --hash" prints it. RTSP clients then have to use Basic.
	PasswordHash Secret `yaml:"password_hash"`
	// What the user may do: everything (admin), watch (viewer), or publish (publisher).
	Role string `yaml:"role" enum:"admin,viewer,publisher"`
	// A viewer may also talk to cameras that have a loudspeaker (see talk of the streams); an admin may anyway.
	Talk bool `yaml:"talk"`
	// Names of the streams this holds for; * and ? stand for any characters. Default: all streams.
	Streams []string `yaml:"streams"`
}

// Stream is one stream and where it comes from.
type Stream struct {
	// Where it comes from: a URL (rtsp, rtsps, the same with +http or +ws, http+mjpeg, http+jpeg, https+mjpeg, https+jpeg, bambu, bambus, onvif, onvifs, udp+mpegts, file), a camera of this machine (v4l2:///dev/video0, v4l2://name=NAME*, v4l2://serial=SERIAL; of a Raspberry Pi, rpicam://0), a program (exec:PROGRAM ARGUMENTS; only here, never by the API), "publish" (somebody publishes it by RTSP) or "demo" (the clip in camgate). Of a list, the first that works is used, and a better one again when it is back.
	Source []SourceURL `yaml:"source"`
	// How media comes from an RTSP camera: auto begins with UDP and goes over to TCP when nothing comes; http and ws are tunnels.
	Transport string `yaml:"transport" default:"auto" enum:"auto,tcp,udp,multicast,http,ws"`
	// How often a source of single pictures (http+jpeg, https+jpeg, onvif with stills=true) is asked for one.
	Poll time.Duration `yaml:"poll" default:"1s"`
	// What the program of an exec source writes to its standard output; auto finds it out by the first bytes.
	Format string `yaml:"format" default:"auto" enum:"auto,h264,h265,mjpeg,mpegts"`
	// How the certificate of a source with TLS is verified.
	TLS TLS `yaml:"tls"`
	// Connect to the source only while somebody watches.
	OnDemand bool `yaml:"on_demand"`
	// With on_demand: how long the source goes on after the last viewer left.
	Linger time.Duration `yaml:"linger" default:"10s"`
	// How long the source may take until the first picture.
	StartTimeout time.Duration `yaml:"start_timeout" default:"15s"`
	// How long the source may send no complete picture (no sound, if it has no picture) before it is connected again.
	StallTimeout time.Duration `yaml:"stall_timeout" default:"10s"`
	// The least time between two connections to the same camera (host and port), whatever streams they are for.
	MinDialInterval time.Duration `yaml:"min_dial_interval" default:"100ms"`
	// The camera takes one connection at a time; bambu and bambus always do.
	SingleConnection bool `yaml:"single_connection"`
	// When packets of a picture are missing, show nothing before the next keyframe that came whole, in place of a smeared picture.
	HoldAfterLoss bool `yaml:"hold_after_loss"`
	// While the source is away, or nobody publishes, show its last picture again and again, so that players stay connected.
	Slate bool `yaml:"slate"`
	// What the picture has to be. What the source sends goes on untouched where it is that already; else it is encoded, once for all viewers. The same as the profile "main".
	Video Video `yaml:"video"`
	// More renditions of the same camera by name, each served as a stream NAME/PROFILE while somebody watches it; "main" is NAME itself.
	Profiles map[string]*Video `yaml:"profiles"`
	// Settings of a camera of this machine by name, as "camgate devices" lists them, such as brightness or power_line_frequency: a number, true or false, an entry of a menu, or default.
	Controls map[string]string `yaml:"controls"`
	// The sound card (ALSA) whose sound goes with a camera of this machine or a program, as hw:1 or default; "" is none.
	Audio string `yaml:"audio"`
	// How that sound is coded: opus for browsers by WebRTC, aac for HLS and recorders.
	AudioCodec string `yaml:"audio_codec" default:"opus" enum:"opus,aac"`
	// By how much that sound is heard later than it was recorded, up to 2s: what the camera needs for a picture, where it does not tell when it took it.
	AudioDelay time.Duration `yaml:"audio_delay"`
	// B-frames, which WebRTC cannot show: auto leaves them out where no other picture needs them, else encodes the picture; drop only leaves them out; encode always encodes; refuse tells the viewer to switch them off at the camera. Other outputs have them as they are.
	BFrames string `yaml:"b_frames" default:"auto" enum:"auto,drop,encode,refuse"`
	// Whoever may can talk to the camera by WebRTC, if it has a loudspeaker: an ONVIF back channel of an rtsp, rtsps, onvif or onvifs source, which is asked for it. Cameras that know nothing of it are served without.
	Talk bool `yaml:"talk"`
	// A viewer by WebRTC whose network does not carry the picture: auto sends it the next smaller profile in its place and comes back when there is room, never does not. "" is what webrtc.fit says.
	Fit string `yaml:"fit" enum:",auto,never"`
	// What may be made of the stream for viewers that cannot take it as it is.
	Transcode Transcode `yaml:"transcode"`
}

// Transcode is what may be made of a stream.
type Transcode struct {
	// The picture: auto makes H264 of H265 and JPEG for viewers that decode nothing else, never does not.
	Video string `yaml:"video" default:"auto" enum:"auto,never"`
	// The sound: auto makes Opus for WebRTC and AAC for HLS of other codecs, never does not.
	Audio string `yaml:"audio" default:"auto" enum:"auto,never"`
}

// Video is what a picture has to be.
type Video struct {
	// How it is coded; auto is as the source sends it where that will do, else h264.
	Codec string `yaml:"codec" default:"auto" enum:"auto,h264,h265,mjpeg"`
	// Columns and lines, as 1280x720; "" is those of the source.
	Size Dimensions `yaml:"size"`
	// The most pictures in a second; 0 is as many as the source sends.
	FPS int `yaml:"fps" min:"0" max:"240"`
	// Bits in a second, as 2M or 400k; 0 is what suits the size.
	Bitrate Size `yaml:"bitrate"`
	// From one keyframe to the next; 0 is 1s, or 4s where keyframes are made when viewers need them.
	GOP time.Duration `yaml:"gop"`
	// Quality of mjpeg from 1 (smallest) to 100 (best); 0 is 75.
	Quality int `yaml:"quality" min:"0" max:"100"`
	// What encodes it: auto is the best that works here, else a name that "camgate encoders" lists.
	Encoder string `yaml:"encoder" default:"auto"`
	// What a camera of this machine is asked for: auto, h264, h265, mjpeg, raw, or pixels as yuyv422 or nv12.
	Format string `yaml:"format" default:"auto"`
	// Let the bitrate follow what the viewers' networks carry.
	Adaptive Adaptive `yaml:"adaptive"`
}

// Adaptive bounds a bitrate that follows the viewers' networks.
type Adaptive struct {
	// The least bits in a second.
	Min Size `yaml:"min"`
	// The most bits in a second; 0 is that the bitrate stays what it is.
	Max Size `yaml:"max"`
}

// TLS is how the certificate of a source is verified. By default it has to be
// issued for the host's name by an authority that this machine trusts.
type TLS struct {
	// SHA-256 of the certificate or of its public key, as hexadecimal digits with or without colons or as sha256/BASE64: exactly this one is accepted. A list is for a change of certificates.
	Fingerprint []string `yaml:"fingerprint"`
	// File of the authorities to trust in place of those of this machine (PEM).
	CA string `yaml:"ca"`
	// Name that the certificate has to be for in place of the host's; a common name counts where it has no other name.
	ServerName string `yaml:"server_name"`
	// Accept the certificate that the source shows first, remember it in state_dir, and accept only that from then on.
	TrustOnFirstUse bool `yaml:"trust_on_first_use"`
	// Accept any certificate: whoever is in between can see and change everything.
	Insecure bool `yaml:"insecure"`
}
