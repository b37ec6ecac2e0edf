import { module } from '../helpers/e2e/pam.ts';
import { accountStories } from './pam-account-stories.ts';

await accountStories(module);
