import { hook } from '../helpers/e2e/pam.ts';
import { strangersStories } from './pam-strangers-stories.ts';

await strangersStories(hook);
