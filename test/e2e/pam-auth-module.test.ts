import { module } from '../helpers/e2e/pam.ts';
import { authStories } from './pam-auth-stories.ts';

await authStories(module);
