#include "native.h"

#include <errno.h>
#include <stdlib.h>
#include <syslog.h>

napi_value log_to_system(napi_env env, napi_callback_info info) {
  napi_value argument;
  size_t length = 0;
  if (!get_arguments(env, info, 1, &argument))
    return NULL;
  TRY(napi_get_value_string_utf8(env, argument, NULL, 0, &length));
  char *text = malloc(length + 1);
  if (text == NULL)
    return throw_errno(env, "malloc", ENOMEM);
  const napi_status status = napi_get_value_string_utf8(env, argument, text, length + 1, &length);
  if (status == napi_ok) {
    openlog("trasa-agent", LOG_PID, LOG_AUTHPRIV);
    syslog(LOG_NOTICE, "%s", text);
  }
  free(text);
  TRY(status);
  return NULL;
}
