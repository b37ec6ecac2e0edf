/*
 * A security key in software, for ssh(1) by SSH_SK_PROVIDER: OpenSSH's interface of sk-api.h, with the private key in the
 * key handle. It "touches itself" if the key asks for that, and believes any PIN. Used by security-key.ts.
 */
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define VERSION 0x000a0000
#define ECDSA 0
#define ED25519 1
#define VERIFIED 0x04
#define GENERAL (-1)
#define PIN_REQUIRED (-3)

struct enrolled {
  uint8_t flags;
  uint8_t *public_key;
  size_t public_key_len;
  uint8_t *key_handle;
  size_t key_handle_len;
  uint8_t *signature;
  size_t signature_len;
  uint8_t *attestation_cert;
  size_t attestation_cert_len;
  uint8_t *authdata;
  size_t authdata_len;
};

struct signed_by {
  uint8_t flags;
  uint32_t counter;
  uint8_t *r;
  size_t r_len;
  uint8_t *s;
  size_t s_len;
};

uint32_t sk_api_version(void) { return VERSION; }

int sk_enroll(uint32_t alg, const uint8_t *challenge, size_t challenge_len, const char *application, uint8_t flags,
              const char *pin, void **options, struct enrolled **result) {
  (void)challenge, (void)challenge_len, (void)application, (void)options;
  if ((flags & VERIFIED) != 0 && pin == NULL) return PIN_REQUIRED;
  EVP_PKEY *key = alg == ED25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
  struct enrolled *made = calloc(1, sizeof *made);
  if (key == NULL || made == NULL) return GENERAL;
  unsigned char *encoded = NULL;
  int length = i2d_PrivateKey(key, &encoded);
  if (length <= 0) return GENERAL;
  made->flags = flags;
  made->key_handle = encoded;
  made->key_handle_len = (size_t)length;
  made->signature = calloc(1, 64);
  made->signature_len = 64;
  if (alg == ED25519) {
    made->public_key_len = 32;
    made->public_key = calloc(1, 32);
    if (EVP_PKEY_get_raw_public_key(key, made->public_key, &made->public_key_len) != 1) return GENERAL;
  } else {
    made->public_key_len = EVP_PKEY_get1_encoded_public_key(key, &made->public_key);
  }
  EVP_PKEY_free(key);
  *result = made;
  return 0;
}

static uint8_t *bytes_of(const BIGNUM *number, size_t *length) {
  *length = (size_t)BN_num_bytes(number);
  uint8_t *bytes = malloc(*length);
  if (bytes != NULL) BN_bn2bin(number, bytes);
  return bytes;
}

int sk_sign(uint32_t alg, const uint8_t *data, size_t data_len, const char *application, const uint8_t *handle,
            size_t handle_len, uint8_t flags, const char *pin, void **options, struct signed_by **result) {
  (void)options;
  if ((flags & VERIFIED) != 0 && pin == NULL) return PIN_REQUIRED;
  const unsigned char *at = handle;
  EVP_PKEY *key = d2i_PrivateKey(alg == ED25519 ? EVP_PKEY_ED25519 : EVP_PKEY_EC, NULL, &at, (long)handle_len);
  struct signed_by *made = calloc(1, sizeof *made);
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  if (key == NULL || made == NULL || context == NULL) return GENERAL;
  made->flags = flags & 0x05;
  made->counter = 0x01020304;
  uint8_t message[32 + 1 + 4 + 32];
  SHA256((const uint8_t *)application, strlen(application), message);
  message[32] = made->flags;
  memcpy(message + 33, "\1\2\3\4", 4);
  SHA256(data, data_len, message + 37);
  uint8_t signature[128];
  size_t length = sizeof signature;
  const EVP_MD *digest = alg == ED25519 ? NULL : EVP_sha256();
  if (EVP_DigestSignInit(context, NULL, digest, NULL, key) != 1) return GENERAL;
  if (EVP_DigestSign(context, signature, &length, message, sizeof message) != 1) return GENERAL;
  if (alg == ED25519) {
    made->r_len = length;
    made->r = malloc(length);
    if (made->r == NULL) return GENERAL;
    memcpy(made->r, signature, length);
  } else {
    at = signature;
    ECDSA_SIG *both = d2i_ECDSA_SIG(NULL, &at, (long)length);
    if (both == NULL) return GENERAL;
    made->r = bytes_of(ECDSA_SIG_get0_r(both), &made->r_len);
    made->s = bytes_of(ECDSA_SIG_get0_s(both), &made->s_len);
    ECDSA_SIG_free(both);
  }
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(key);
  *result = made;
  return 0;
}

int sk_load_resident_keys(const char *pin, void **options, void ***keys, size_t *count) {
  (void)pin, (void)options, (void)keys, (void)count;
  return GENERAL;
}
