/** Entry of dist/language-server.js; the transport is what the arguments say (--stdio, --node-ipc, --pipe=…). */
import { createConnection, ProposedFeatures } from 'vscode-languageserver/node';
import { serve } from './server.ts';

serve(createConnection(ProposedFeatures.all));
