/*
 * SSH packets sealed and opened where they lie: aes128-gcm@openssh.com and aes256-gcm@openssh.com (RFC 5647 as OpenSSH has
 * it) and chacha20-poly1305@openssh.com (PROTOCOL.chacha20poly1305), by the OpenSSL that Node exports. The contract is in
 * ../native-ciphers.ts.
 *
 * A packet is its length (4 bytes), as many bytes as that says, and a tag (16 bytes).
 */
#define NAPI_VERSION 9
#include <node_api.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH_BYTES 4
#define TAG_BYTES 16
#define GCM_IV_BYTES 12
#define CHACHA_KEY_BYTES 32
#define POLY1305_KEY_BYTES 32

struct key {
  EVP_CIPHER_CTX *body;   /* AES-GCM, or ChaCha20 by the first key */
  EVP_CIPHER_CTX *length; /* ChaCha20 by the second key; NULL with AES-GCM, where the length is in clear */
  EVP_MAC_CTX *tag;       /* Poly1305, likewise */
  unsigned char iv[GCM_IV_BYTES];
  bool seals;
};

/* Of `packet`, all of which lies within what JavaScript handed over. */
struct packet {
  struct key *key;
  uint32_t sequence;
  unsigned char *bytes;
  size_t length;
};

static const napi_type_tag key_tag = {0x7ca5a6c4e15b4c0e, 0x9d8f0b5f7a3e2d61};

static napi_value fail(napi_env env, const char *what) {
  bool pending = false;
  if (napi_is_exception_pending(env, &pending) != napi_ok || !pending)
    (void)napi_throw_error(env, "ERR_PACKETS", what); /* if this fails too, there is nobody left to tell */
  return NULL;
}

static void free_key(struct key *key) {
  if (key == NULL)
    return;
  EVP_CIPHER_CTX_free(key->body);
  EVP_CIPHER_CTX_free(key->length);
  EVP_MAC_CTX_free(key->tag);
  OPENSSL_cleanse(key, sizeof *key);
  free(key);
}

static void finalize_key(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  free_key(data);
}

static EVP_CIPHER_CTX *context(const EVP_CIPHER *cipher, const unsigned char *key, bool seals) {
  EVP_CIPHER_CTX *made = EVP_CIPHER_CTX_new();
  if (made != NULL && EVP_CipherInit_ex(made, cipher, NULL, key, NULL, seals ? 1 : 0) == 1)
    return made;
  EVP_CIPHER_CTX_free(made);
  return NULL;
}

static EVP_MAC_CTX *poly1305(void) {
  EVP_MAC *mac = EVP_MAC_fetch(NULL, "POLY1305", NULL);
  EVP_MAC_CTX *made = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
  EVP_MAC_free(mac); /* the context has a reference of its own */
  return made;
}

/* By the length of the key: 16 or 32 with an IV are AES-GCM, 64 without one are ChaCha20. */
static struct key *new_key(const unsigned char *bytes, size_t length, const unsigned char *iv, size_t iv_length,
                           bool seals) {
  struct key *key = calloc(1, sizeof *key);
  if (key == NULL)
    return NULL;
  key->seals = seals;
  bool made = false;
  if ((length == 16 || length == 32) && iv_length == GCM_IV_BYTES) {
    memcpy(key->iv, iv, GCM_IV_BYTES);
    key->body = context(length == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm(), bytes, seals);
    made = key->body != NULL;
  } else if (length == 2 * CHACHA_KEY_BYTES && iv_length == 0) {
    key->body = context(EVP_chacha20(), bytes, true);
    key->length = context(EVP_chacha20(), bytes + CHACHA_KEY_BYTES, true);
    key->tag = poly1305();
    made = key->body != NULL && key->length != NULL && key->tag != NULL;
  }
  if (made)
    return key;
  free_key(key);
  return NULL;
}

/* The last eight bytes count packets (RFC 5647 §7.1). */
static void next_iv(unsigned char iv[GCM_IV_BYTES]) {
  for (size_t i = GCM_IV_BYTES; i > GCM_IV_BYTES - 8; i--)
    if (++iv[i - 1] != 0)
      return;
}

static bool update(EVP_CIPHER_CTX *context, unsigned char *out, const unsigned char *in, size_t length) {
  int written = 0;
  return EVP_CipherUpdate(context, out, &written, in, (int)length) == 1 && (size_t)written == length;
}

static bool gcm(const struct packet *packet) {
  struct key *key = packet->key;
  unsigned char *body = packet->bytes + LENGTH_BYTES;
  unsigned char *tag = body + packet->length;
  unsigned char nothing[1];
  int written = 0;
  const bool done =
      EVP_CipherInit_ex(key->body, NULL, NULL, NULL, key->iv, -1) == 1 &&
      (key->seals || EVP_CIPHER_CTX_ctrl(key->body, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) == 1) &&
      EVP_CipherUpdate(key->body, NULL, &written, packet->bytes, LENGTH_BYTES) == 1 &&
      update(key->body, body, body, packet->length) && EVP_CipherFinal_ex(key->body, nothing, &written) == 1 &&
      (!key->seals || EVP_CIPHER_CTX_ctrl(key->body, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, tag) == 1);
  next_iv(key->iv);
  return done;
}

/* A stream begins at a block, and its nonce is the packet's number. */
static bool start_chacha(EVP_CIPHER_CTX *context, unsigned char block, uint32_t sequence) {
  const unsigned char iv[16] = {[0] = block,
                                [12] = (unsigned char)(sequence >> 24),
                                [13] = (unsigned char)(sequence >> 16),
                                [14] = (unsigned char)(sequence >> 8),
                                [15] = (unsigned char)sequence};
  return EVP_CipherInit_ex(context, NULL, NULL, NULL, iv, -1) == 1;
}

/* Of what goes over the wire, by the first block of the body's stream. */
static bool poly1305_of(const struct packet *packet, unsigned char tag[TAG_BYTES]) {
  static const unsigned char zeros[POLY1305_KEY_BYTES];
  unsigned char once[POLY1305_KEY_BYTES];
  size_t written = 0;
  const bool done = start_chacha(packet->key->body, 0, packet->sequence) &&
                    update(packet->key->body, once, zeros, sizeof once) &&
                    EVP_MAC_init(packet->key->tag, once, sizeof once, NULL) == 1 &&
                    EVP_MAC_update(packet->key->tag, packet->bytes, LENGTH_BYTES + packet->length) == 1 &&
                    EVP_MAC_final(packet->key->tag, tag, &written, TAG_BYTES) == 1 && written == TAG_BYTES;
  OPENSSL_cleanse(once, sizeof once);
  return done;
}

static bool chacha_length(const struct packet *packet, unsigned char out[LENGTH_BYTES]) {
  return start_chacha(packet->key->length, 0, packet->sequence) &&
         update(packet->key->length, out, packet->bytes, LENGTH_BYTES);
}

static bool chacha_body(const struct packet *packet) {
  unsigned char *body = packet->bytes + LENGTH_BYTES;
  return start_chacha(packet->key->body, 1, packet->sequence) &&
         update(packet->key->body, body, body, packet->length);
}

static bool seal_chacha(const struct packet *packet) {
  return chacha_length(packet, packet->bytes) && chacha_body(packet) &&
         poly1305_of(packet, packet->bytes + LENGTH_BYTES + packet->length);
}

/* Nothing is decrypted before the tag is right. */
static bool open_chacha(const struct packet *packet) {
  unsigned char tag[TAG_BYTES];
  return poly1305_of(packet, tag) &&
         CRYPTO_memcmp(tag, packet->bytes + LENGTH_BYTES + packet->length, TAG_BYTES) == 0 && chacha_body(packet);
}

static bool get_bytes(napi_env env, napi_value value, unsigned char **bytes, size_t *length) {
  bool is_buffer = false;
  return napi_is_buffer(env, value, &is_buffer) == napi_ok && is_buffer &&
         napi_get_buffer_info(env, value, (void **)bytes, length) == napi_ok;
}

static bool get_key(napi_env env, napi_value value, bool seals, struct key **key) {
  bool is_key = false;
  return napi_check_object_type_tag(env, value, &key_tag, &is_key) == napi_ok && is_key &&
         napi_get_value_external(env, value, (void **)key) == napi_ok && (*key)->seals == seals;
}

/* (key, sequence, bytes, at, length): false unless the whole packet lies within the bytes. */
static bool get_packet(napi_env env, napi_callback_info info, bool seals, struct packet *packet) {
  napi_value values[5];
  size_t count = 5;
  size_t room = 0;
  uint32_t at = 0;
  uint32_t length = 0;
  if (napi_get_cb_info(env, info, &count, values, NULL, NULL) != napi_ok || count != 5 ||
      !get_key(env, values[0], seals, &packet->key) ||
      napi_get_value_uint32(env, values[1], &packet->sequence) != napi_ok ||
      !get_bytes(env, values[2], &packet->bytes, &room) || napi_get_value_uint32(env, values[3], &at) != napi_ok ||
      napi_get_value_uint32(env, values[4], &length) != napi_ok)
    return false;
  if (at > room || length > INT32_MAX || room - at < (size_t)LENGTH_BYTES + length + TAG_BYTES)
    return false;
  packet->bytes += at;
  packet->length = length;
  return true;
}

static napi_value make_key(napi_env env, napi_callback_info info) {
  napi_value values[3];
  size_t count = 3;
  unsigned char *bytes = NULL;
  unsigned char *iv = NULL;
  size_t length = 0;
  size_t iv_length = 0;
  bool seals = false;
  if (napi_get_cb_info(env, info, &count, values, NULL, NULL) != napi_ok || count != 3 ||
      napi_get_value_bool(env, values[0], &seals) != napi_ok || !get_bytes(env, values[1], &bytes, &length) ||
      !get_bytes(env, values[2], &iv, &iv_length))
    return fail(env, "makeKey: wrong arguments");
  struct key *key = new_key(bytes, length, iv, iv_length, seals);
  if (key == NULL)
    return fail(env, "makeKey: no such cipher");
  napi_value made;
  if (napi_create_external(env, key, finalize_key, NULL, &made) != napi_ok) {
    free_key(key);
    return fail(env, "makeKey: no memory");
  }
  return napi_type_tag_object(env, made, &key_tag) == napi_ok ? made : fail(env, "makeKey: no tag");
}

static napi_value seal(napi_env env, napi_callback_info info) {
  struct packet packet;
  if (!get_packet(env, info, true, &packet))
    return fail(env, "seal: wrong arguments");
  return (packet.key->tag == NULL ? gcm : seal_chacha)(&packet) ? NULL : fail(env, "seal: OpenSSL failed");
}

static napi_value open_packet(napi_env env, napi_callback_info info) {
  struct packet packet;
  if (!get_packet(env, info, false, &packet))
    return fail(env, "open: wrong arguments");
  napi_value answer;
  const bool is_right = (packet.key->tag == NULL ? gcm : open_chacha)(&packet);
  return napi_get_boolean(env, is_right, &answer) == napi_ok ? answer : fail(env, "open: no answer");
}

/* (key, sequence, bytes, at): of a packet of which no more than the first four bytes need have come. */
static napi_value length_of(napi_env env, napi_callback_info info) {
  napi_value values[4];
  size_t count = 4;
  size_t room = 0;
  uint32_t at = 0;
  struct packet packet = {0};
  unsigned char clear[LENGTH_BYTES];
  if (napi_get_cb_info(env, info, &count, values, NULL, NULL) != napi_ok || count != 4 ||
      !get_key(env, values[0], false, &packet.key) ||
      napi_get_value_uint32(env, values[1], &packet.sequence) != napi_ok ||
      !get_bytes(env, values[2], &packet.bytes, &room) || napi_get_value_uint32(env, values[3], &at) != napi_ok ||
      at > room || room - at < LENGTH_BYTES)
    return fail(env, "lengthOf: wrong arguments");
  packet.bytes += at;
  if (packet.key->length == NULL)
    memcpy(clear, packet.bytes, LENGTH_BYTES);
  else if (!chacha_length(&packet, clear))
    return fail(env, "lengthOf: OpenSSL failed");
  const uint32_t length = (uint32_t)clear[0] << 24 | (uint32_t)clear[1] << 16 | (uint32_t)clear[2] << 8 | clear[3];
  napi_value answer;
  return napi_create_uint32(env, length, &answer) == napi_ok ? answer : fail(env, "lengthOf: no answer");
}

NAPI_MODULE_INIT() {
  static const struct {
    const char *name;
    napi_callback function;
  } methods[] = {{"makeKey", make_key}, {"seal", seal}, {"open", open_packet}, {"lengthOf", length_of}};
  for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
    napi_value function;
    if (napi_create_function(env, methods[i].name, NAPI_AUTO_LENGTH, methods[i].function, NULL, &function) != napi_ok ||
        napi_set_named_property(env, exports, methods[i].name, function) != napi_ok)
      return fail(env, methods[i].name);
  }
  return exports;
}
