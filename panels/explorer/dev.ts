// The order matters: the fake VS Code must be there before the panel asks for it.
import './devHost.ts';
import './main.tsx';
