#include "frame.h"
#include "utf8.h"

#include <string.h>

#define WORD_MAX 16 /* verbs and names */

static char *next_word(char **rest);
static bool is_word(const char *text, size_t length);
static bool percent_decode(char *value);
static int hex_digit(char digit);
static bool is_safe(char byte);
static void put(struct frame_writer *writer, const char *bytes, size_t length);

bool frame_decode(char *line, size_t length, struct frame *frame)
{
	for (size_t i = 0; i < length; i++)
		if (line[i] < ' ' || line[i] > '~') /* NUL, too: strings may be searched from here on */
			return false;
	line[length] = '\0';

	char *rest = line;
	frame->verb = next_word(&rest);
	frame->count = 0;
	if (!is_word(frame->verb, strlen(frame->verb)))
		return false;
	while (rest != NULL) {
		char *name = next_word(&rest);
		char *equals = strchr(name, '=');
		if (equals == NULL || frame->count == FRAME_FIELDS)
			return false;
		*equals = '\0';
		if (!is_word(name, strlen(name)) || frame_value(frame, name) != NULL || !percent_decode(equals + 1))
			return false;
		frame->field[frame->count].name = name;
		frame->field[frame->count].value = equals + 1;
		frame->count++;
	}
	return true;
}

const char *frame_value(const struct frame *frame, const char *name)
{
	for (size_t i = 0; i < frame->count; i++)
		if (strcmp(frame->field[i].name, name) == 0)
			return frame->field[i].value;
	return NULL;
}

/* Cuts the text up to the next blank off `*rest`, which becomes NULL at the end. */
static char *next_word(char **rest)
{
	char *word = *rest;
	char *blank = strchr(word, ' ');

	if (blank != NULL)
		*blank++ = '\0';
	*rest = blank;
	return word;
}

static bool is_word(const char *text, size_t length)
{
	if (length == 0 || length > WORD_MAX)
		return false;
	for (size_t i = 0; i < length; i++)
		if (text[i] < 'a' || text[i] > 'z')
			return false;
	return true;
}

/* In place: what is decoded is never longer. */
static bool percent_decode(char *value)
{
	char *out = value;

	for (const char *in = value; *in != '\0'; in++) {
		if (*in != '%') {
			*out++ = *in;
			continue;
		}
		int high = hex_digit(in[1]);
		int low = high < 0 ? -1 : hex_digit(in[2]);
		if (low < 0)
			return false;
		*out++ = (char)(high << 4 | low);
		in += 2;
	}
	*out = '\0';
	return utf8_valid(value, (size_t)(out - value)); /* which a NUL is not */
}

static int hex_digit(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	return -1;
}

void frame_begin(struct frame_writer *writer, const char *verb)
{
	writer->length = 0;
	writer->overflow = false;
	put(writer, verb, strlen(verb));
}

void frame_field(struct frame_writer *writer, const char *name, const char *value)
{
	static const char digits[] = "0123456789ABCDEF";

	if (value == NULL)
		return;
	put(writer, " ", 1);
	put(writer, name, strlen(name));
	put(writer, "=", 1);
	for (; *value != '\0'; value++) {
		unsigned char byte = (unsigned char)*value;
		const char encoded[] = {'%', digits[byte >> 4], digits[byte & 0xf]};
		if (is_safe(*value))
			put(writer, value, 1);
		else
			put(writer, encoded, sizeof encoded);
	}
}

bool frame_end(struct frame_writer *writer)
{
	put(writer, "\n", 1);
	return !writer->overflow;
}

size_t frame_room(const struct frame_writer *writer, const char *name)
{
	size_t used = writer->length + strlen(name) + sizeof " =\n" - 1;

	return writer->overflow || used > sizeof writer->text ? 0 : sizeof writer->text - used;
}

size_t frame_encoded_length(const char *value, size_t length)
{
	size_t encoded = 0;

	for (size_t i = 0; i < length; i++)
		encoded += is_safe(value[i]) ? 1 : 3;
	return encoded;
}

static bool is_safe(char byte)
{
	return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
	       (byte != '\0' && strchr("._~:/@,+-", byte) != NULL);
}

static void put(struct frame_writer *writer, const char *bytes, size_t length)
{
	if (writer->overflow || length > sizeof writer->text - writer->length) {
		writer->overflow = true;
		return;
	}
	memcpy(writer->text + writer->length, bytes, length);
	writer->length += length;
}
