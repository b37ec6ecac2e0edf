import { hook } from '../helpers/e2e/pam.ts';
import { endStories } from './pam-end-stories.ts';

await endStories(hook);
