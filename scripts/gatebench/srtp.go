package main

import (
	"encoding/binary"
	"flag"

	"github.com/pion/srtp/v3"
	"golang.org/x/sys/unix"
)

func srtpContext(prof srtp.ProtectionProfile, seed byte) (*srtp.Context, error) {
	kl, err := prof.KeyLen()
	if err != nil {
		return nil, err
	}
	sl, err := prof.SaltLen()
	if err != nil {
		return nil, err
	}
	key := make([]byte, kl)
	for i := range key {
		key[i] = seed + byte(i)
	}
	return srtp.CreateContext(key, make([]byte, sl), prof)
}

// cmdSRTP times encryption of 1200-byte packets over many sessions in turn.
func cmdSRTP(args []string) error {
	fs := flag.NewFlagSet("srtp", flag.ExitOnError)
	size := fs.Int("size", 1200, "RTP packet size")
	sessions := fs.Int("sessions", 100, "sessions in turn")
	count := fs.Int("packets", 600000, "packets")
	_ = fs.Parse(args)
	for _, x := range []struct {
		name string
		p    srtp.ProtectionProfile
	}{{"AEAD_AES_128_GCM", srtp.ProtectionProfileAeadAes128Gcm}, {"AEAD_AES_256_GCM", srtp.ProtectionProfileAeadAes256Gcm}, {"AES128_CM_HMAC_SHA1_80", srtp.ProtectionProfileAes128CmHmacSha1_80}} {
		ctx := make([]*srtp.Context, *sessions)
		for i := range ctx {
			var err error
			if ctx[i], err = srtpContext(x.p, byte(i)); err != nil {
				return err
			}
		}
		plain := make([]byte, *size)
		plain[0], plain[1] = 0x80, rtpPT
		buf := make([]byte, 0, 2048)
		var u0, u1 unix.Rusage
		_ = unix.Getrusage(unix.RUSAGE_SELF, &u0)
		for i := range *count {
			binary.BigEndian.PutUint16(plain[2:], uint16(i / *sessions))
			if _, err := ctx[i%*sessions].EncryptRTP(buf, plain, nil); err != nil {
				return err
			}
		}
		_ = unix.Getrusage(unix.RUSAGE_SELF, &u1)
		ns := float64(u1.Utime.Nano() - u0.Utime.Nano() + u1.Stime.Nano() - u0.Stime.Nano())
		report{"test": "srtp", "suite": x.name, "size": *size, "ns_per_packet": round(ns/float64(*count), 1), "cpu_s_per_gb": round(ns/float64(*count)/float64(*size), 4)}.print()
	}
	return nil
}
