/** The names that a block of the provider may contain. */
export interface Names {
  required: string[];
  optional: string[];
  blocks: Record<string, Names>;
}

export interface Resource extends Names {
  /** The attributes that expressions may read. */
  exported: string[];
}

export interface ProviderNames {
  /** The package and version that the names come from. */
  source: string;
  resource: Record<string, Resource>;
  data: Record<string, Resource>;
}

interface Field {
  name: string;
  isRequired: boolean;
  type: string;
}

const snake = (camel: string): string => camel.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** A property of the typed bindings, with its name in Terraform, which is the anchor of its documentation. */
const FIELD = /#(\w+) \w+#\w+\}(?:(?!\*\/)[\s\S])*\*\/\s*readonly \w+(\??): ([^;]+);/g;

const interfacesOf = (declarations: string): Map<string, Field[]> => {
  const found = new Map<string, Field[]>();
  for (const [, name = '', body = ''] of declarations.matchAll(/export interface (\w+)[^{]*\{([\s\S]*?)\n\}/g)) {
    const fields = [...body.matchAll(FIELD)].map(([, field = '', optional, type = '']) => ({
      name: field,
      isRequired: optional === '',
      type,
    }));
    found.set(name, fields);
  }
  return found;
};

const namesOf = (interfaces: ReadonlyMap<string, Field[]>, name: string): Names => {
  const names: Names = { required: [], optional: [], blocks: {} };
  for (const { name: field, isRequired, type } of interfaces.get(name) ?? []) {
    const [inner = ''] = /^\w+/.exec(type) ?? [];
    if (interfaces.has(inner)) names.blocks[field] = namesOf(interfaces, inner);
    (isRequired ? names.required : names.optional).push(field);
  }
  return names;
};

/**
 * The names of one resource or data source, from the declarations that HashiCorp's generator created from the provider's schema
 * (npm: @cdktf/provider-google, `lib/NAME/index.d.ts`).
 */
export const resourceOf = (declarations: string): Resource => {
  const [, className = ''] =
    /export declare class (\w+) extends cdktf\.Terraform(?:Resource|DataSource)/.exec(declarations) ?? [];
  const interfaces = interfacesOf(declarations);
  if (!interfaces.has(`${className}Config`)) throw new Error('these are no declarations of a resource');
  const [, body = ''] = declarations.split(`export declare class ${className} extends`);
  const exported = [...body.matchAll(/\n {4}get (\w+)\(\)/g)].map(([, getter = '']) => snake(getter));
  return {
    ...namesOf(interfaces, `${className}Config`),
    exported: [...new Set(exported)].filter((name) => !name.endsWith('_input')).sort(),
  };
};
