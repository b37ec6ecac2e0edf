/* Whom to trust in the file system: whoever could change a thing or the way to it could have put it there. */
#ifndef TRASA_PLACE_H
#define TRASA_PLACE_H

#include <limits.h>
#include <stddef.h>

enum place { PLACE_FIRM, PLACE_ABSENT, PLACE_UNSAFE };

/*
 * `path` is absolute; it need not be there, but its directory must, whose last part may be the daemon's user's. `real` gets
 * the path without links, of which alone the answer speaks. PLACE_ABSENT leaves its reason in errno, as below.
 */
enum place place_of_socket(const char *path, char *real, size_t size);

/* A program that only root can change. */
enum place place_of_program(const char *path, char real[PATH_MAX]);

#endif
