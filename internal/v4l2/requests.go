package v4l2

import "unsafe"

// The numbers of the requests: direction, size of the structure, 'V', number, as
// asm-generic/ioctl.h puts them together.
const (
	iocWrite = 1 << 30
	iocRead  = 2 << 30
	iocBoth  = iocWrite | iocRead

	vidiocQueryCap     = iocRead | unsafe.Sizeof(capability{})<<16 | 'V'<<8 // number 0
	vidiocEnumFmt      = iocBoth | unsafe.Sizeof(fmtdesc{})<<16 | 'V'<<8 | 2
	vidiocGFmt         = iocBoth | unsafe.Sizeof(format{})<<16 | 'V'<<8 | 4
	vidiocSFmt         = iocBoth | unsafe.Sizeof(format{})<<16 | 'V'<<8 | 5
	vidiocReqBufs      = iocBoth | unsafe.Sizeof(requestbuffers{})<<16 | 'V'<<8 | 8
	vidiocQueryBuf     = iocBoth | unsafe.Sizeof(buffer{})<<16 | 'V'<<8 | 9
	vidiocQBuf         = iocBoth | unsafe.Sizeof(buffer{})<<16 | 'V'<<8 | 15
	vidiocDQBuf        = iocBoth | unsafe.Sizeof(buffer{})<<16 | 'V'<<8 | 17
	vidiocStreamOn     = iocWrite | unsafe.Sizeof(int32(0))<<16 | 'V'<<8 | 18
	vidiocStreamOff    = iocWrite | unsafe.Sizeof(int32(0))<<16 | 'V'<<8 | 19
	vidiocGParm        = iocBoth | unsafe.Sizeof(streamparm{})<<16 | 'V'<<8 | 21
	vidiocSParm        = iocBoth | unsafe.Sizeof(streamparm{})<<16 | 'V'<<8 | 22
	vidiocGStd         = iocRead | unsafe.Sizeof(uint64(0))<<16 | 'V'<<8 | 23
	vidiocSStd         = iocWrite | unsafe.Sizeof(uint64(0))<<16 | 'V'<<8 | 24
	vidiocEnumInput    = iocBoth | unsafe.Sizeof(input{})<<16 | 'V'<<8 | 26
	vidiocQueryMenu    = iocBoth | unsafe.Sizeof(querymenu{})<<16 | 'V'<<8 | 37
	vidiocGInput       = iocRead | unsafe.Sizeof(int32(0))<<16 | 'V'<<8 | 38
	vidiocQueryStd     = iocRead | unsafe.Sizeof(uint64(0))<<16 | 'V'<<8 | 63
	vidiocTryFmt       = iocBoth | unsafe.Sizeof(format{})<<16 | 'V'<<8 | 64
	vidiocGExtCtrls    = iocBoth | unsafe.Sizeof(extControls{})<<16 | 'V'<<8 | 71
	vidiocSExtCtrls    = iocBoth | unsafe.Sizeof(extControls{})<<16 | 'V'<<8 | 72
	vidiocEnumSizes    = iocBoth | unsafe.Sizeof(frmsizeenum{})<<16 | 'V'<<8 | 74
	vidiocEnumRates    = iocBoth | unsafe.Sizeof(frmivalenum{})<<16 | 'V'<<8 | 75
	vidiocEncoderCmd   = iocBoth | unsafe.Sizeof(encoderCmd{})<<16 | 'V'<<8 | 77
	vidiocSTimings     = iocBoth | unsafe.Sizeof(dvTimings{})<<16 | 'V'<<8 | 87
	vidiocGTimings     = iocBoth | unsafe.Sizeof(dvTimings{})<<16 | 'V'<<8 | 88
	vidiocDQEvent      = iocRead | unsafe.Sizeof(event{})<<16 | 'V'<<8 | 89
	vidiocSubscribe    = iocWrite | unsafe.Sizeof(eventSubscription{})<<16 | 'V'<<8 | 90
	vidiocUnsubscribe  = iocWrite | unsafe.Sizeof(eventSubscription{})<<16 | 'V'<<8 | 91
	vidiocQueryTimings = iocRead | unsafe.Sizeof(dvTimings{})<<16 | 'V'<<8 | 99
	vidiocQueryExtCtrl = iocBoth | unsafe.Sizeof(queryExtCtrl{})<<16 | 'V'<<8 | 103
)
