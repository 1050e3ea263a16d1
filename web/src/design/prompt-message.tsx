import { type ImagePart, partsOf } from '../../../src/core/image.ts';
import type { Message } from '../../../src/core/problem.ts';
import { useSource } from '../data/use-data.ts';
import { InertText } from './inert-text.tsx';
import styles from './parts.module.css';

interface Place {
  readonly folder: string;
  /** A group of the problem; if undefined, the images cannot be loaded. */
  readonly group: number | undefined;
}

/** A message of a prompt: its text, with images in place of their placeholders. */
export function PromptMessage({ message, ...place }: Place & { readonly message: Message }) {
  if (message.images === undefined) return <InertText text={message.content} />;
  return partsOf(message).map((part, index) =>
    typeof part === 'string' ? (
      <InertText key={index} text={part} />
    ) : (
      <PromptImage key={index} part={part} {...place} />
    ),
  );
}

function PromptImage({ part, folder, group }: Place & { readonly part: ImagePart }) {
  const { isServed } = useSource();
  const { width, height, mediaType, sha256 } = part;
  const label = `image, ${width} × ${height}, ${mediaType}, sha256 ${sha256.slice(0, 12)}`;
  if (!isServed || group === undefined) return <p className={styles.soft}>[{label}]</p>;
  const address = ['runs', folder, 'groups', String(group), 'images', sha256];
  return (
    <img
      className={styles.picture}
      src={`api/${address.map(encodeURIComponent).join('/')}`}
      alt={label}
      title={label}
      loading="lazy"
    />
  );
}
