import type { JSX } from "react";

function icon(path: string) {
  return function Icon({ className }: { className?: string }): JSX.Element {
    return (
      <svg
        className={className}
        viewBox="0 0 24 24"
        fill="none"
        stroke="currentColor"
        strokeWidth="2"
        strokeLinecap="round"
        strokeLinejoin="round"
        aria-hidden="true"
      >
        <path d={path} />
      </svg>
    );
  };
}

export const HomeIcon = icon("M4 11l8-7 8 7v8a1 1 0 0 1-1 1h-4v-6H9v6H5a1 1 0 0 1-1-1z");
export const HomeworkIcon = icon("M4 20l1-5L16 4l4 4L9 19zM13 7l4 4");
export const LecturesIcon = icon("M4 5h16v12H4zM10 8.5v5l4.5-2.5zM8 20h8");
export const ResultsIcon = icon("M6 3h9l4 4v14H6zM9 12l2.5 2.5L16 10");
export const CameraIcon = icon("M4 8h3l2-3h6l2 3h3v11H4zM12 10a3.2 3.2 0 1 0 0 6.4 3.2 3.2 0 0 0 0-6.4z");
export const PersonIcon = icon("M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM5 20c.8-3.6 3.6-5 7-5s6.2 1.4 7 5");
export const ChevronIcon = icon("M9 5l7 7-7 7");
export const BackIcon = icon("M15 5l-7 7 7 7");
export const RotateIcon = icon("M20 12a8 8 0 1 1-2.5-5.8M20 3v4h-4");
export const UpIcon = icon("M12 19V5M6 11l6-6 6 6");
export const DownIcon = icon("M12 5v14M6 13l6 6 6-6");
export const RemoveIcon = icon("M6 6l12 12M18 6L6 18");
