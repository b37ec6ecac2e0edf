#include "native.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

static napi_status set_number(napi_env env, napi_value object, const char *name, double number) {
  napi_value value;
  const napi_status status = napi_create_double(env, number, &value);
  return status == napi_ok ? napi_set_named_property(env, object, name, value) : status;
}

napi_value peer_credentials(napi_env env, napi_callback_info info) {
  napi_value argument, result;
  int fd;
  struct ucred peer = {0};
  socklen_t length = sizeof peer;
  if (!get_arguments(env, info, 1, &argument))
    return NULL;
  TRY(napi_get_value_int32(env, argument, &fd));
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
    return throw_errno(env, "getsockopt", errno);
  if (length != sizeof peer || peer.pid == 0) /* what the kernel answers for sockets that have no such peer */
    return throw_errno(env, "getsockopt", ENOTCONN);
  TRY(napi_create_object(env, &result));
  TRY(set_number(env, result, "pid", peer.pid));
  TRY(set_number(env, result, "uid", peer.uid));
  TRY(set_number(env, result, "gid", peer.gid));
  return result;
}

napi_value is_hung_up(napi_env env, napi_callback_info info) {
  napi_value argument, result;
  struct pollfd one = {.events = 0}; /* errors are reported unasked; input is left alone */
  int ready;
  if (!get_arguments(env, info, 1, &argument))
    return NULL;
  TRY(napi_get_value_int32(env, argument, &one.fd));
  do
    ready = poll(&one, 1, 0);
  while (ready < 0 && errno == EINTR);
  if (ready < 0)
    return throw_errno(env, "poll", errno);
  TRY(napi_get_boolean(env, (one.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0, &result));
  return result;
}
