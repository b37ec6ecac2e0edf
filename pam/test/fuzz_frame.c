/*
 * libFuzzer target: bytes as the daemon's. Besides the sanitizers it holds what must be true of anything that was taken:
 * a line that is decoded is encoded to one that decodes to the same, and a decision opens only if every field says so.
 */
#include "../frame.h"
#include "../message.h"
#include "../utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			abort();                                                                                       \
	} while (0)

static void check_again(const struct frame *frame)
{
	static struct frame_writer writer;
	struct frame again;

	frame_begin(&writer, frame->verb);
	for (size_t i = 0; i < frame->count; i++) {
		HOLDS(utf8_valid(frame->field[i].value, strlen(frame->field[i].value)));
		frame_field(&writer, frame->field[i].name, frame->field[i].value);
	}
	if (!frame_end(&writer)) /* what came unencoded may be longer when it is */
		return;
	HOLDS(frame_decode(writer.text, writer.length - 1, &again) && again.count == frame->count);
	for (size_t i = 0; i < frame->count; i++)
		HOLDS(strcmp(frame->field[i].value, again.field[i].value) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct exchange exchange = {0};

	exchange_say(&exchange, SAY_ATTEMPT, 0);
	while (size > 0) {
		const uint8_t *feed = memchr(data, '\n', size);
		size_t length = feed == NULL ? size : (size_t)(feed - data);
		char *line = malloc(length + 1); /* exactly so much that a byte too far is seen */
		struct frame frame;
		struct message message;

		HOLDS(line != NULL);
		memcpy(line, data, length);
		if (frame_decode(line, length, &frame)) {
			HOLDS(frame.count <= FRAME_FIELDS);
			check_again(&frame);
			if (message_decode(&frame, &message)) {
				if (message.kind == MESSAGE_DECISION)
					HOLDS((strcmp(frame_value(&frame, "verdict"), "deny") == 0) ==
					      (strcmp(message.pam, "PAM_SUCCESS") != 0));
				exchange_hear(&exchange, &message);
			}
		}
		free(line);
		data += length + (feed != NULL);
		size -= length + (feed != NULL);
	}
	return 0;
}
