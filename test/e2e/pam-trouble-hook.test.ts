import { hook } from '../helpers/e2e/pam.ts';
import { troubleStories } from './pam-trouble-stories.ts';

await troubleStories(hook);
