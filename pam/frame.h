/*
 * One line of the protocol between a door and the daemon: `verb name=value name=value LF` (PROTOCOL.md, part 1). Values
 * are UTF-8, percent-encoded. src/protocol/line.ts is the other implementation; test/vectors/protocol holds both to it.
 */
#ifndef TRASA_FRAME_H
#define TRASA_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#define FRAME_MAX 8192 /* longest line in bytes, its LF included */
#define FRAME_FIELDS 32

struct frame {
	const char *verb;
	size_t count;
	struct {
		const char *name;
		const char *value;
	} field[FRAME_FIELDS];
};

/*
 * Takes the line apart where it lies: `frame` points into it. `line[length]`, where its LF was, must be writable.
 * Returns false if it is not a line of the protocol.
 */
bool frame_decode(char *line, size_t length, struct frame *frame);

/* The value of a field; NULL if it is not there. */
const char *frame_value(const struct frame *frame, const char *name);

struct frame_writer {
	size_t length;
	bool overflow;
	char text[FRAME_MAX];
};

void frame_begin(struct frame_writer *writer, const char *verb);
/* Adds nothing for a value that is NULL. The value must be UTF-8. */
void frame_field(struct frame_writer *writer, const char *name, const char *value);
/* Ends the line. Returns false if it is longer than a line may be. */
bool frame_end(struct frame_writer *writer);
/* Bytes that are left for the encoded value of a field of this name. */
size_t frame_room(const struct frame_writer *writer, const char *name);
/* Length of a value when it is percent-encoded. */
size_t frame_encoded_length(const char *value, size_t length);

#endif
