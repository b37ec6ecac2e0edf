#include "native.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

napi_value throw_napi(napi_env env) {
  const napi_extended_error_info *info = NULL;
  bool pending = false;
  const bool known = napi_get_last_error_info(env, &info) == napi_ok && info->error_message != NULL;
  const char *message = known ? info->error_message : "a Node-API call failed";
  if (napi_is_exception_pending(env, &pending) != napi_ok || !pending)
    (void)napi_throw_error(env, "ERR_NATIVE", message); /* if this fails too, there is nobody left to tell */
  return NULL;
}

napi_value throw_errno(napi_env env, const char *what, int error) {
  char message[200];
  snprintf(message, sizeof message, "%.150s: %s", what, strerrordesc_np(error));
  TRY(napi_throw_error(env, strerrorname_np(error), message));
  return NULL;
}

bool get_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *values) {
  size_t given = count;
  if (napi_get_cb_info(env, info, &given, values, NULL, NULL) == napi_ok && given == count)
    return true;
  (void)throw_errno(env, "wrong number of arguments", EINVAL);
  return false;
}

/* A core dump, or a debugger of the same user, would see the service key (core(5), prctl(2)). */
static napi_value forbid_dumps(napi_env env, napi_callback_info info) {
  const struct rlimit none = {0, 0};
  if (!get_arguments(env, info, 0, NULL))
    return NULL;
  if (setrlimit(RLIMIT_CORE, &none) != 0)
    return throw_errno(env, "setrlimit", errno);
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
    return throw_errno(env, "prctl", errno);
  return NULL;
}

NAPI_MODULE_INIT() {
  static const struct {
    const char *name;
    napi_callback function;
  } methods[] = {
      {"peerCredentials", peer_credentials}, {"isHungUp", is_hung_up},      {"lookUpAccount", look_up_account},
      {"environment", environment},          {"execute", execute},          {"readKeys", read_keys},
      {"restoreTerminal", restore_terminal}, {"logToSystem", log_to_system}, {"forbidDumps", forbid_dumps},
  };
  for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
    napi_value function;
    TRY(napi_create_function(env, methods[i].name, NAPI_AUTO_LENGTH, methods[i].function, NULL, &function));
    TRY(napi_set_named_property(env, exports, methods[i].name, function));
  }
  return exports;
}
