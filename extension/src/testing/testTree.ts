import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { TestListing } from '@ringside/core/model';
import type { AppContext } from '../appContext.ts';
import { errorData } from '../errors.ts';

export const testPattern = '**/*.bpf.test.json';

/** The Test Explorer's items: a test file each, and its tests once somebody looks at them. */
export class TestTree {
  readonly #listings = new Map<string, TestListing>();

  constructor(
    private readonly context: AppContext,
    private readonly controller: vscode.TestController,
  ) {}

  /** undefined: what there is in the workspace. */
  async resolve(item: vscode.TestItem | undefined): Promise<void> {
    if (item !== undefined) {
      await this.read(item);
      return;
    }
    for (const uri of await vscode.workspace.findFiles(testPattern, '**/node_modules/**')) this.file(uri);
  }

  /** The item of a test file, made when it is new. */
  file(uri: vscode.Uri): vscode.TestItem {
    const known = this.controller.items.get(uri.toString());
    if (known) return known;
    const item = this.controller.createTestItem(uri.toString(), basename(uri.fsPath).replace(/\.test\.json$/, ''), uri);
    item.canResolveChildren = true;
    this.controller.items.add(item);
    return item;
  }

  forget(uri: vscode.Uri): void {
    this.controller.items.delete(uri.toString());
    this.#listings.delete(uri.toString());
  }

  /** Reads the tests of a file again. */
  async read(item: vscode.TestItem): Promise<TestListing | undefined> {
    const { uri } = item;
    if (uri === undefined) return undefined;
    item.busy = true;
    try {
      const listing = await this.context.engine.listTests(uri.fsPath);
      item.error = undefined;
      item.children.replace(
        listing.tests.map((test) => {
          const child = this.controller.createTestItem(`${item.id}#${test.name}`, test.name, uri);
          child.description = test.program;
          child.range = new vscode.Range(test.line - 1, test.column - 1, test.endLine - 1, test.endColumn - 1);
          if (test.error) child.error = `${test.error.message} ${test.error.remedy}`;
          return child;
        }),
      );
      this.#listings.set(item.id, listing);
      return listing;
    } catch (error) {
      const { message, remedy } = errorData(error);
      item.children.replace([]);
      item.error = `${message} ${remedy}`;
      this.#listings.delete(item.id);
      return undefined;
    } finally {
      item.busy = false;
    }
  }

  listing(item: vscode.TestItem): TestListing | undefined {
    return this.#listings.get(item.id);
  }

  /** Every file that was found. */
  files(): vscode.TestItem[] {
    return childrenOf(this.controller.items);
  }
}

export function childrenOf(collection: vscode.TestItemCollection): vscode.TestItem[] {
  const items: vscode.TestItem[] = [];
  collection.forEach((item) => items.push(item));
  return items;
}
