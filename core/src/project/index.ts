export { cFiles, headerCheck, headerName, refuseNames, sharedCut, systemStubs } from './c/index.ts';
export { type Cut } from './cText.ts';
export { deriveProject } from './derive.ts';
export { commonFiles, existingFiles, writeProject, type ProjectFile } from './files.ts';
export { goFiles } from './go/index.ts';
export { withLocalHeaders, type LocalHeader } from './localHeaders.ts';
export { projectLanguages, type ProjectLanguage, type ProjectModel } from './model.ts';
export { projectName } from './names.ts';
export { rustFiles } from './rust/index.ts';
