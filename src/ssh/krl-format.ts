/** The numbers of PROTOCOL.krl. */
export const magic = 0x5353_484b_524c_0a00n; // "SSHKRL\n\0"
export const formatVersion = 1;
export const section = { certificates: 1, keys: 2, sha1: 3, sha256: 5, extension: 255 } as const;
export const certSection = { serials: 0x20, range: 0x21, bitmap: 0x22, keyIds: 0x23, extension: 0x39 } as const;
