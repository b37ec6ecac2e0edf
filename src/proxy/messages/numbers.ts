/** Message numbers (RFC 4250 §4.1.2). */
export const msg = {
  disconnect: 1,
  ignore: 2,
  unimplemented: 3,
  serviceRequest: 5,
  serviceAccept: 6,
  kexInit: 20,
  userauthRequest: 50,
  userauthFailure: 51,
  userauthSuccess: 52,
  userauthBanner: 53,
  /** 60 and 61 mean what the method makes of them. */
  userauthPkOk: 60,
  userauthInfoRequest: 60,
  userauthInfoResponse: 61,
  globalRequest: 80,
  requestSuccess: 81,
  requestFailure: 82,
  channelOpen: 90,
  channelOpenConfirmation: 91,
  channelOpenFailure: 92,
  channelWindowAdjust: 93,
  channelData: 94,
  channelExtendedData: 95,
  channelEof: 96,
  channelClose: 97,
  channelRequest: 98,
  channelSuccess: 99,
  channelFailure: 100,
} as const;

/** Reason codes of a disconnect (RFC 4250 §4.2.2). */
export const bye = {
  protocolError: 2,
  serviceNotAvailable: 7,
  byApplication: 11,
  noMoreAuthMethods: 14,
} as const;

/** Reason codes of a channel that was not opened (RFC 4250 §4.3). */
export const notOpened = { prohibited: 1, connectFailed: 2, unknownType: 3, shortage: 4 } as const;
