package rtsp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/liberrors"

	"github.com/camgate/camgate"
)

// translate gives an error of the library, or of the network below it, its place
// among the errors of camgate.
func translate(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", sentinel(err), err)
}

func sentinel(err error) error {
	var status liberrors.ErrClientBadStatusCode
	var authSetup liberrors.ErrClientAuthSetup
	var sdp liberrors.ErrClientSDPInvalid
	switch {
	case errors.As(err, &status):
		return sentinelOf(status.Code)
	case errors.As(err, &authSetup):
		return camgate.ErrAuthFailed
	case errors.As(err, &sdp):
		return camgate.ErrUnsupportedCodec
	case isTimeout(err):
		return camgate.ErrTimeout
	}
	return camgate.ErrConnectionFailed
}

// sentinelOf reads the status of a response as RFC 2326 section 11 means it.
func sentinelOf(code base.StatusCode) error {
	switch code {
	case base.StatusUnauthorized, base.StatusForbidden:
		return camgate.ErrAuthFailed
	case base.StatusNotFound, base.StatusGone:
		return camgate.ErrStreamNotFound
	case base.StatusUnsupportedMediaType:
		return camgate.ErrUnsupportedCodec
	case base.StatusNotEnoughBandwidth:
		return camgate.ErrTooManyStreams // what cameras say that serve as many as they can
	case base.StatusRequestTimeout, base.StatusGatewayTimeout:
		return camgate.ErrTimeout
	}
	return camgate.ErrConnectionFailed
}

func isTimeout(err error) bool {
	var (
		request liberrors.ErrClientRequestTimedOut
		udp     liberrors.ErrClientUDPTimeout
		tcp     liberrors.ErrClientTCPTimeout
		network net.Error
	)
	return errors.As(err, &request) || errors.As(err, &udp) || errors.As(err, &tcp) ||
		errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) ||
		errors.As(err, &network) && network.Timeout()
}

// statusOf is the answer to a client whose request failed with err. The text of
// the error stays here: it may tell about sources what is no viewer's business.
func statusOf(err error) base.StatusCode { return base.StatusCode(camgate.AnswerTo(err).RTSP) }

// reasonOf says in the words of all outputs why a session ended.
func reasonOf(err error, who string) error {
	var (
		tornDown   liberrors.ErrServerSessionTornDown
		unused     liberrors.ErrServerSessionNotInUse
		silent     liberrors.ErrServerSessionTimedOut
		terminated liberrors.ErrServerTerminated
	)
	switch {
	case errors.As(err, &tornDown):
		return fmt.Errorf("ended by the %s", who)
	case errors.As(err, &unused):
		return fmt.Errorf("the %s is gone", who)
	case errors.As(err, &silent):
		return fmt.Errorf("the %s is silent", who)
	case errors.As(err, &terminated):
		return errors.New("the gateway ends")
	}
	return err
}
