/* Carries questions and answers between the daemon and PAM's conversation (pam_conv(3)) until there is a decision. */
#ifndef TRASA_DIALOGUE_H
#define TRASA_DIALOGUE_H

#include "frame.h"
#include "options.h"

/*
 * May this conversation be used to ask at all? The application says so by having one; sshd has one in the account phase,
 * too, which fails every question.
 */
bool can_converse(pam_handle_t *pamh);

/*
 * Returns PAM_SUCCESS only if the daemon let the person in.
 * @param silent PAM_SILENT: questions only
 * @param exempt set: let in because no rule asks this account for a factor
 */
int hold_dialogue(pam_handle_t *pamh, const struct options *options, const struct frame_writer *attempt,
		  bool interactive, bool silent, bool *exempt);

#endif
