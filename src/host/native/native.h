/*
 * System calls that Node does not offer, for src/host and src/terminal. The contract of each is in ../native.ts.
 * A failure, of Node-API or of the system, becomes a JavaScript exception unless the contract says otherwise.
 */
#ifndef TRASA_NATIVE_H
#define TRASA_NATIVE_H

#define NAPI_VERSION 9
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>

/* Leaves the function, with a JavaScript exception pending, if a Node-API call fails. */
#define TRY(call)                                                                                                      \
  do {                                                                                                                 \
    if ((call) != napi_ok)                                                                                             \
      return throw_napi(env);                                                                                          \
  } while (0)

/* Both return NULL. */
napi_value throw_napi(napi_env env);
napi_value throw_errno(napi_env env, const char *what, int error);

/* Exactly `count` arguments; false if there are others, with an exception pending. */
bool get_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *values);

/* account.c */
napi_value look_up_account(napi_env env, napi_callback_info info);
/* become.c */
napi_value environment(napi_env env, napi_callback_info info);
napi_value execute(napi_env env, napi_callback_info info);
/* descriptor.c */
napi_value peer_credentials(napi_env env, napi_callback_info info);
napi_value is_hung_up(napi_env env, napi_callback_info info);
/* log.c */
napi_value log_to_system(napi_env env, napi_callback_info info);
/* terminal.c */
napi_value read_keys(napi_env env, napi_callback_info info);
napi_value restore_terminal(napi_env env, napi_callback_info info);

#endif
